//! What a model call is: request, stream timeline, tokens, cost, errors. No JavaScript.
