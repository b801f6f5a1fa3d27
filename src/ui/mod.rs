//! What a person sees on stderr: progress, style.
