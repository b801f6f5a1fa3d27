"""The official Python SDKs against `inrush mock`: whole and streamed answers, tools, embeddings, usage and errors, each through the
SDK's own parsing. Usage: check.py INRUSH. Exits with 1 and says what differs."""

import json
import os
import subprocess
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
    for kind, error in [("429", openai.RateLimitError), ("500", openai.InternalServerError), ("400", openai.BadRequestError)]:
        try:
            client.chat.completions.create(model="m", messages=ask, extra_headers={"x-mock-error": kind})
            raise AssertionError(f"{kind} did not fail")
        except error:
            pass


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
    try:
        client.messages.create(model="m", max_tokens=5, messages=ask, extra_headers={"x-mock-error": "429"})
        raise AssertionError("429 did not fail")
    except anthropic.RateLimitError:
        pass


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
    headers = types.HttpOptions(base_url=base.removesuffix("/v1"), headers={"x-mock-error": "500"})
    try:
        client.models.generate_content(model="m", contents="x", config=types.GenerateContentConfig(http_options=headers))
        raise AssertionError("500 did not fail")
    except errors.ServerError:
        pass


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
    try:
        client.converse(modelId="amazon.nova-lite-v1:0", messages=[{"role": "user", "content": []}])
        raise AssertionError("an empty message did not fail")
    except ClientError as e:
        equal("error", e.response["Error"]["Code"], "ValidationException")


def main():
    mock = subprocess.Popen(
        [sys.argv[1], "mock", "--ttft", "5ms", "--itl", "1ms", "--for", "150s"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    base = mock.stdout.readline().strip()
    failed = 0
    try:
        for check in [openai_sdk, anthropic_sdk, google_sdk, ollama_sdk, cohere_sdk, boto3_sdk]:
            try:
                check(base)
                print(f"tests/sdk: {check.__name__}: ok")
            except Exception:
                failed += 1
                print(f"tests/sdk: {check.__name__}: FAILED", file=sys.stderr)
                traceback.print_exc()
    finally:
        mock.terminate()
        mock.wait(10)
    sys.exit(1 if failed else 0)


main()
