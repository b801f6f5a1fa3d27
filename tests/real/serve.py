"""Runs llama.cpp's HTTP server (from the PyPI package xllamacpp) on 127.0.0.1 and a free port: `serve.py MODEL`.

Prints one line of JSON, {"base_url": ".../v1"}, once the server accepts requests, and serves until its standard
input is closed. Tying its life to that pipe means that no server outlives the test, however the test ends.
Called by check.py, as a process of its own so that the server's threads share no interpreter with the checks.
"""

import argparse
import json
import os
import sys
import time
import urllib.error
import urllib.request

import xllamacpp


def start(model):
    """The server, running. The returned object must be kept: it stops serving when it is dropped."""
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.model_alias = {"inrush-tiny-random"}
    params.hostnames = ["127.0.0.1"]
    params.port = 0  # any free port; listening_address then tells which
    params.n_ctx = 4096
    params.n_parallel = 1  # one request at a time: its timings are then not another request's
    params.cpuparams.n_threads = 1
    params.cpuparams_batch.n_threads = 1
    params.n_gpu_layers = 0
    params.warmup = True
    return xllamacpp.Server(params)


def wait_until_healthy(root, limit_seconds):
    """Returns when GET /health says 200."""
    deadline = time.monotonic() + limit_seconds
    last = "no answer"
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(root + "/health", timeout=2) as answer:
                if answer.status == 200:
                    return
                last = f"status {answer.status}"
        except (urllib.error.URLError, OSError) as error:
            last = str(error)
        time.sleep(0.1)
    sys.exit(f"serve: {root}/health was not ready within {limit_seconds} s ({last})")


def main():
    parser = argparse.ArgumentParser(description="serve a GGUF model with llama.cpp")
    parser.add_argument("model", help="path of the .gguf file")
    parser.add_argument("--start-limit", type=float, default=60, help="seconds to become ready")
    arguments = parser.parse_args()

    server = start(arguments.model)
    root = server.listening_address
    wait_until_healthy(root, arguments.start_limit)
    print(json.dumps({"base_url": root + "/v1"}), flush=True)
    sys.stdin.read()
    # Leaves without running the server's destructors: they wait for idle HTTP threads, and nothing is left to save.
    os._exit(0)


if __name__ == "__main__":
    main()
