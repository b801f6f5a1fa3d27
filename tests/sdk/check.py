"""The official Python SDKs against `inrush mock`: whole and streamed answers, tools, embeddings, usage and errors, each through the
SDK's own parsing. Usage: check.py FILE, which has a line `NAME URL` for each of the servers of servers.yaml. Exits with 1 and says
what differs."""

import json
import os
import sys
import traceback

TOOL = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
QUESTION = "What is the weather in Rome? Use the tool get_weather."

for name in list(os.environ):
    if name.lower().endswith("_proxy"):
        del os.environ[name]


def equal(what, got, want):
    if got != want:
        raise AssertionError(f"{what}: {got!r}, expected {want!r}")


def holds(what, true):
    if not true:
        raise AssertionError(what)


def fails(what, call, error, says=None, **fields):
    """Checks that a call fails as the provider's would: with this exception, these fields of it and this text."""
    try:
        call()
    except error as e:
        for name, want in fields.items():
            equal(f"{what}: {name}", getattr(e, name), want)
        holds(f"{what}: {e!r} does not say {says!r}", says is None or says in str(e))
        return e
    raise AssertionError(f"{what} did not fail")


def used_up(call):
    """Makes a call to the server that allows one per minute: afterwards it has been made, by whomever."""
    try:
        call()
    except Exception:
        pass
    return call


# The servers of servers.yaml: one that takes anything, one with a key, a model and a short context, one with a request per minute.
SERVERS = {}
LONG = "word " * 2000


def root(name):
    return SERVERS[name].removesuffix("/v1")


def openai_sdk(base):
    import openai

    client = openai.OpenAI(base_url=base, api_key="test-key", max_retries=0)
    ask = [{"role": "user", "content": "Say something."}]
    whole = client.chat.completions.create(model="m", messages=ask, max_tokens=7, extra_body={"ignore_eos": True})
    equal("tokens", whole.usage.completion_tokens, 7)
    equal("finish", whole.choices[0].finish_reason, "length")
    stream = client.chat.completions.create(
        model="m", messages=ask, max_tokens=5, stream=True, stream_options={"include_usage": True}, extra_body={"ignore_eos": True}
    )
    chunks = list(stream)
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    holds("streamed text", len(text.split()) >= 3)
    equal("streamed tokens", chunks[-1].usage.completion_tokens, 5)
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": TOOL}}
    called = client.chat.completions.create(model="m", messages=[{"role": "user", "content": QUESTION}], tools=[tool])
    call = called.choices[0].message.tool_calls[0]
    equal("tool", call.function.name, "get_weather")
    holds("arguments", isinstance(json.loads(call.function.arguments)["city"], str))
    schema = {"type": "json_schema", "json_schema": {"name": "w", "schema": TOOL}}
    answer = client.chat.completions.create(model="m", messages=ask, response_format=schema)
    holds("document", isinstance(json.loads(answer.choices[0].message.content)["city"], str))
    response = client.responses.create(model="m", input="Say something.", max_output_tokens=20)
    holds("response", response.output_text and response.usage.output_tokens > 0)
    with client.responses.stream(model="m", input="Say something.") as events:
        final = [e for e in events] and events.get_final_response()
    holds("streamed response", final.output_text)
    legacy = client.completions.create(model="m", prompt="Once", max_tokens=6)
    holds("completion", legacy.choices[0].text)
    vectors = client.embeddings.create(model="m", input=["a", "b"], dimensions=8)
    equal("embeddings", [len(d.embedding) for d in vectors.data], [8, 8])
    holds("models", len(list(client.models.list())) > 0)
    several = client.chat.completions.create(model="m", messages=ask, n=3, max_tokens=4, extra_body={"ignore_eos": True})
    equal("choices", ([c.index for c in several.choices], several.usage.completion_tokens), ([0, 1, 2], 12))
    stopped = client.chat.completions.create(model="m", messages=ask, stop=[" "], max_tokens=20)
    equal("stop", (stopped.choices[0].finish_reason, " " in stopped.choices[0].message.content), ("stop", False))
    parts = list(client.chat.completions.create(model="m", messages=[{"role": "user", "content": QUESTION}], tools=[tool], stream=True))
    calls = [c for p in parts if p.choices for c in p.choices[0].delta.tool_calls or []]
    equal("streamed tool", (calls[0].function.name, "city" in json.loads("".join(c.function.arguments for c in calls))), ("get_weather", True))
    for kind, error in [("429", openai.RateLimitError), ("500", openai.InternalServerError), ("400", openai.BadRequestError)]:
        fails(kind, lambda: client.chat.completions.create(model="m", messages=ask, extra_headers={"x-mock-error": kind}), error)

    def ask_of(name, key, model="m", text="hi", stream=False):
        client = openai.OpenAI(base_url=SERVERS[name], api_key=key, max_retries=0)
        return client.chat.completions.create(model=model, messages=[{"role": "user", "content": text}], stream=stream)

    fails("key", lambda: ask_of("strict", "wrong"), openai.AuthenticationError, code="invalid_api_key")
    fails("key, streamed", lambda: ask_of("strict", "wrong", stream=True), openai.AuthenticationError)
    fails("model", lambda: ask_of("strict", "right", model="x"), openai.NotFoundError, code="model_not_found")
    fails("context", lambda: ask_of("strict", "right", text=LONG), openai.BadRequestError, code="context_length_exceeded")
    limited = fails("rate", used_up(lambda: ask_of("limited", "k")), openai.RateLimitError, code="rate_limit_exceeded")
    holds("retry-after", float(limited.response.headers["retry-after"]) > 0)


def anthropic_sdk(base):
    import anthropic

    client = anthropic.Anthropic(base_url=base.removesuffix("/v1"), api_key="test-key", max_retries=0)
    ask = [{"role": "user", "content": "Say something."}]
    whole = client.messages.create(model="m", max_tokens=30, messages=ask)
    holds("text", whole.content[0].text and whole.usage.output_tokens > 0)
    with client.messages.stream(model="m", max_tokens=30, messages=ask) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    equal("streamed text", final.content[0].text, text)
    tools = [{"name": "get_weather", "input_schema": TOOL}]
    called = client.messages.create(model="m", max_tokens=200, messages=[{"role": "user", "content": QUESTION}], tools=tools)
    equal("stop", called.stop_reason, "tool_use")
    holds("tool", any(b.type == "tool_use" and b.name == "get_weather" for b in called.content))
    with client.messages.stream(model="m", max_tokens=200, messages=[{"role": "user", "content": QUESTION}], tools=tools) as stream:
        used = [b for b in stream.get_final_message().content if b.type == "tool_use"]
    holds("streamed tool", used and isinstance(used[0].input["city"], str))

    def ask_of(name, key, model="m", text="hi", **more):
        client = anthropic.Anthropic(base_url=root(name), api_key=key, max_retries=0)
        return client.messages.create(model=model, max_tokens=5, messages=[{"role": "user", "content": text}], **more)

    fails("key", lambda: ask_of("strict", "wrong"), anthropic.AuthenticationError)
    fails("model", lambda: ask_of("strict", "right", model="x"), anthropic.NotFoundError)
    fails("context", lambda: ask_of("strict", "right", text=LONG), anthropic.BadRequestError, says="prompt is too long")
    limited = fails("rate", used_up(lambda: ask_of("limited", "k")), anthropic.RateLimitError)
    holds("retry-after", float(limited.response.headers["retry-after"]) > 0)
    overloaded = {"extra_headers": {"x-mock-error": "529"}}
    fails("overloaded", lambda: ask_of("open", "k", **overloaded), anthropic.InternalServerError, status_code=529)


def google_sdk(base):
    from google import genai
    from google.genai import errors, types

    client = genai.Client(api_key="test-key", http_options=types.HttpOptions(base_url=base.removesuffix("/v1")))
    config = types.GenerateContentConfig(max_output_tokens=30)
    whole = client.models.generate_content(model="m", contents="Say something.", config=config)
    holds("text", whole.text and whole.usage_metadata.candidates_token_count > 0)
    parts = [c.text or "" for c in client.models.generate_content_stream(model="m", contents="Say something.", config=config)]
    holds("streamed text", "".join(parts))
    vectors = client.models.embed_content(model="m", contents=["a", "b"])
    equal("embeddings", len(vectors.embeddings), 2)
    functions = types.Tool(function_declarations=[{"name": "get_weather", "parameters": TOOL}])
    tools = types.GenerateContentConfig(tools=[functions])
    called = client.models.generate_content(model="m", contents=QUESTION, config=tools)
    holds("tool", called.function_calls[0].name == "get_weather" and "city" in called.function_calls[0].args)
    streamed = [c.function_calls for c in client.models.generate_content_stream(model="m", contents=QUESTION, config=tools)]
    holds("streamed tool", any(calls and calls[0].name == "get_weather" for calls in streamed))
    headers = types.HttpOptions(base_url=base.removesuffix("/v1"), headers={"x-mock-error": "500"})
    config = types.GenerateContentConfig(http_options=headers)
    fails("500", lambda: client.models.generate_content(model="m", contents="x", config=config), errors.ServerError)

    def ask_of(name, key, model="m", text="hi"):
        client = genai.Client(api_key=key, http_options=types.HttpOptions(base_url=root(name)))
        return client.models.generate_content(model=model, contents=text)

    fails("key", lambda: ask_of("strict", "wrong"), errors.ClientError, code=400, status="INVALID_ARGUMENT", says="API key not valid")
    fails("model", lambda: ask_of("strict", "right", model="x"), errors.ClientError, code=404, status="NOT_FOUND")
    fails("context", lambda: ask_of("strict", "right", text=LONG), errors.ClientError, code=400, says="input token count")
    fails("rate", used_up(lambda: ask_of("limited", "k")), errors.ClientError, code=429, status="RESOURCE_EXHAUSTED")


def ollama_sdk(base):
    import ollama

    client = ollama.Client(host=base.removesuffix("/v1"))
    ask = [{"role": "user", "content": "Say something."}]
    whole = client.chat(model="m", messages=ask, options={"num_predict": 8})
    holds("text", whole.message.content and whole.eval_count > 0)
    parts = list(client.chat(model="m", messages=ask, options={"num_predict": 8}, stream=True))
    holds("streamed text", "".join(p.message.content or "" for p in parts) and parts[-1].done)
    holds("generate", client.generate(model="m", prompt="Once", options={"num_predict": 8}).response)
    equal("embeddings", len(client.embed(model="m", input=["a", "b"]).embeddings), 2)
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": TOOL}}
    question = [{"role": "user", "content": QUESTION}]
    calls = client.chat(model="m", messages=question, tools=[tool]).message.tool_calls
    holds("tool", calls[0].function.name == "get_weather" and "city" in calls[0].function.arguments)
    streamed = [p.message.tool_calls for p in client.chat(model="m", messages=question, tools=[tool], stream=True)]
    holds("streamed tool", any(calls and calls[0].function.name == "get_weather" for calls in streamed))

    def ask_of(name, key, model="m"):
        client = ollama.Client(host=root(name), headers={"authorization": f"Bearer {key}"})
        return client.chat(model=model, messages=ask)

    fails("key", lambda: ask_of("strict", "wrong"), ollama.ResponseError, status_code=401)
    fails("model", lambda: ask_of("strict", "right", "x"), ollama.ResponseError, status_code=404, says="model 'x' not found")
    fails("rate", used_up(lambda: ask_of("limited", "k")), ollama.ResponseError, status_code=429)


def mistral_sdk(base):
    from mistralai.client import Mistral, errors

    client = Mistral(api_key="test-key", server_url=base.removesuffix("/v1"))
    ask = [{"role": "user", "content": "Say something."}]
    whole = client.chat.complete(model="m", messages=ask, max_tokens=7)
    holds("text", whole.choices[0].message.content and whole.usage.completion_tokens > 0)
    events = [e.data for e in client.chat.stream(model="m", messages=ask, max_tokens=5)]
    holds("streamed text", "".join(e.choices[0].delta.content or "" for e in events))
    last = events[-1]
    holds("usage comes with the reason", last.choices[0].finish_reason in ("stop", "length") and last.usage.completion_tokens > 0)
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": TOOL}}
    question = [{"role": "user", "content": QUESTION}]
    call = client.chat.complete(model="m", messages=question, tools=[tool]).choices[0].message.tool_calls[0].function
    holds("tool", call.name == "get_weather" and "city" in json.loads(call.arguments))
    events = [e.data.choices[0].delta.tool_calls for e in client.chat.stream(model="m", messages=question, tools=[tool])]
    calls = [c.function for calls in events if calls for c in calls]
    holds("streamed tool", len(calls) == 1 and calls[0].name == "get_weather" and "city" in json.loads(calls[0].arguments))
    equal("embeddings", len(client.embeddings.create(model="m", inputs=["a", "b"]).data), 2)
    holds("models", client.models.list().data)

    def ask_of(name, key, model="m", text="hi"):
        client = Mistral(api_key=key, server_url=root(name), retry_config=None)
        return client.chat.complete(model=model, messages=[{"role": "user", "content": text}])

    fails("key", lambda: ask_of("strict", "wrong"), errors.SDKError, status_code=401)
    fails("model", lambda: ask_of("strict", "right", model="x"), errors.SDKError, status_code=404)
    fails("context", lambda: ask_of("strict", "right", text=LONG), errors.SDKError, status_code=400)
    fails("rate", used_up(lambda: ask_of("limited", "k")), errors.SDKError, status_code=429)


def cohere_sdk(base):
    import cohere

    client = cohere.ClientV2(api_key="test-key", base_url=base.removesuffix("/v1"))
    ask = [{"role": "user", "content": "Say something."}]
    whole = client.chat(model="m", messages=ask, max_tokens=20)
    holds("text", whole.message.content[0].text)
    events = list(client.chat_stream(model="m", messages=ask, max_tokens=20))
    equal("events", [events[0].type, events[-1].type], ["message-start", "message-end"])
    ranked = client.rerank(model="m", query="a", documents=["a", "b", "c"], top_n=2)
    equal("ranking", len(ranked.results), 2)
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": TOOL}}
    question = [{"role": "user", "content": QUESTION}]
    call = client.chat(model="m", messages=question, tools=[tool]).message.tool_calls[0].function
    holds("tool", call.name == "get_weather" and "city" in json.loads(call.arguments))
    kinds = [e.type for e in client.chat_stream(model="m", messages=question, tools=[tool])]
    holds("streamed tool", "tool-call-start" in kinds and "tool-call-end" in kinds)

    def ask_of(name, key, model="m", text="hi"):
        client = cohere.ClientV2(api_key=key, base_url=root(name))
        options = {"max_retries": 0}
        return client.chat(model=model, messages=[{"role": "user", "content": text}], request_options=options)

    fails("key", lambda: ask_of("strict", "wrong"), cohere.UnauthorizedError)
    fails("model", lambda: ask_of("strict", "right", model="x"), cohere.NotFoundError)
    fails("context", lambda: ask_of("strict", "right", text=LONG), cohere.BadRequestError, says="too many tokens")
    fails("rate", used_up(lambda: ask_of("limited", "k")), cohere.TooManyRequestsError)


def boto3_sdk(base):
    import boto3
    from botocore.config import Config
    from botocore.exceptions import ClientError

    client = boto3.client(
        "bedrock-runtime",
        endpoint_url=base.removesuffix("/v1"),
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 1}),
    )
    ask = [{"role": "user", "content": [{"text": "Say something."}]}]
    whole = client.converse(modelId="amazon.nova-lite-v1:0", messages=ask, inferenceConfig={"maxTokens": 20})
    holds("text", whole["output"]["message"]["content"][0]["text"] and whole["usage"]["outputTokens"] > 0)
    stream = client.converse_stream(modelId="amazon.nova-lite-v1:0", messages=ask, inferenceConfig={"maxTokens": 20})
    events = list(stream["stream"])
    holds("streamed text", "".join(e["contentBlockDelta"]["delta"]["text"] for e in events if "contentBlockDelta" in e))
    holds("usage", any("metadata" in e for e in events))
    body = {"anthropic_version": "bedrock-2023-05-31", "max_tokens": 20, "messages": [{"role": "user", "content": "Hello."}]}
    invoked = client.invoke_model(modelId="anthropic.claude-haiku-4-5-20251001-v1:0", body=json.dumps(body))
    holds("invoked", json.loads(invoked["body"].read())["content"][0]["text"])
    tools = {"tools": [{"toolSpec": {"name": "get_weather", "inputSchema": {"json": TOOL}}}]}
    question = [{"role": "user", "content": [{"text": QUESTION}]}]
    called = client.converse(modelId="amazon.nova-lite-v1:0", messages=question, toolConfig=tools)
    used = [b["toolUse"] for b in called["output"]["message"]["content"] if "toolUse" in b]
    holds("tool", called["stopReason"] == "tool_use" and used[0]["name"] == "get_weather" and "city" in used[0]["input"])
    events = list(client.converse_stream(modelId="amazon.nova-lite-v1:0", messages=question, toolConfig=tools)["stream"])
    starts = [e["contentBlockStart"]["start"] for e in events if "contentBlockStart" in e]
    holds("streamed tool", any(s.get("toolUse", {}).get("name") == "get_weather" for s in starts))

    def code(what, call, want):
        equal(what, fails(what, call, ClientError).response["Error"]["Code"], want)

    empty = [{"role": "user", "content": []}]
    code("empty", lambda: client.converse(modelId="amazon.nova-lite-v1:0", messages=empty), "ValidationException")

    def ask_of(name, key, model="m", text="hi"):
        config = Config(retries={"max_attempts": 1})
        keys = {"aws_access_key_id": key, "aws_secret_access_key": "s", "region_name": "us-east-1"}
        client = boto3.client("bedrock-runtime", endpoint_url=root(name), config=config, **keys)
        return client.converse(modelId=model, messages=[{"role": "user", "content": [{"text": text}]}])

    code("key", lambda: ask_of("strict", "wrong"), "UnrecognizedClientException")
    code("model", lambda: ask_of("strict", "right", model="x"), "ValidationException")
    code("context", lambda: ask_of("strict", "right", text=LONG), "ValidationException")
    code("rate", used_up(lambda: ask_of("limited", "k")), "ThrottlingException")


def main():
    with open(sys.argv[1]) as lines:
        SERVERS.update(line.split() for line in lines)
    failed = 0
    for check in [openai_sdk, anthropic_sdk, google_sdk, ollama_sdk, mistral_sdk, cohere_sdk, boto3_sdk]:
        try:
            check(SERVERS["open"])
            print(f"tests/sdk: {check.__name__}: ok")
        except Exception:
            failed += 1
            print(f"tests/sdk: {check.__name__}: FAILED", file=sys.stderr)
            traceback.print_exc()
    sys.exit(1 if failed else 0)


main()
