"""The real-server test: inrush against llama.cpp's server, every figure compared with the server's own.

`check.py --inrush PATH --work DIR` makes the model (once), starts the server and the recording relay, runs stream.js
through inrush and compares. Exit code 0 = all checks passed; 1 = some failed (each is printed); everything is bounded in
time and the server ends with this process. Run it by run.sh, which makes the Python environment.
"""

import argparse
import json
import os
import queue
import statistics
import subprocess
import sys
import threading
import urllib.parse

import recorder

HERE = os.path.dirname(os.path.abspath(__file__))
CALLS = 8
TOKENS = 128
RUN_LIMIT_SECONDS = 180

# Tolerances of the TPOT comparison. The server divides the time from its first to its last token by (tokens - 1),
# as inrush does, so both mean the same quantity; what differs is where the two end points are taken: in the
# server's loop, or where inrush reads the socket. Hence the error is (delay of the last token - delay of the first)
# / (tokens - 1) plus the server's rounding. A busy machine may hold back one read by a scheduler slice or two:
# 20 ms allowed per call. Over all calls such accidents average out: their median is held to 2 ms. 2 % covers what
# the server spends on formatting and sending a token after it has stopped its clock.
RELATIVE = 0.02
END_POINT_MS_PER_CALL = 20.0
END_POINT_MS_MEDIAN = 2.0


class Report:
    """Counts checks and prints each failure where it happens."""

    def __init__(self):
        self.passed = 0
        self.failed = 0

    def check(self, holds, what):
        if holds:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED: {what}", file=sys.stderr)


def make_model(work):
    """The model file, made unless this version of make_model.py has already made it."""
    source = os.path.join(HERE, "make_model.py")
    model = os.path.join(work, "tiny.gguf")
    if not os.path.exists(model) or os.path.getmtime(model) < os.path.getmtime(source):
        subprocess.run([sys.executable, source, model], check=True, timeout=120)
    return model


class Server:
    """llama.cpp's server in a child process; ends when this object's `with` block ends, or with this process."""

    def __init__(self, model, work):
        self.log_path = os.path.join(work, "server.log")
        self.log = open(self.log_path, "wb")
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, "serve.py"), model],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log,
        )

    def __enter__(self):
        # A thread reads the first line, so that a server that never speaks cannot hold the test.
        lines = queue.Queue()
        threading.Thread(target=lambda: lines.put(self.process.stdout.readline()), daemon=True).start()
        try:
            line = lines.get(timeout=90)
        except queue.Empty:
            line = b""
        if not line:
            self.__exit__()
            with open(self.log_path, errors="replace") as log:
                tail = log.read()[-2000:]
            sys.exit(f"check: llama.cpp's server did not start; the end of {self.log_path}:\n{tail}")
        return json.loads(line)["base_url"]

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(timeout=10)
        self.log.close()


def run_inrush(binary, base_url, work):
    """Runs stream.js; returns (exit code, what the script reported per call, metrics of the summary)."""
    console, summary = os.path.join(work, "console.log"), os.path.join(work, "summary.json")
    for old in (console, summary):
        if os.path.exists(old):
            os.remove(old)
    environment = dict(os.environ, INRUSH_BASE_URL=base_url, INRUSH_MODEL="inrush-tiny-random", NO_PROXY="127.0.0.1")
    environment["INRUSH_API_KEY"] = "not-needed"
    command = [binary, "run", "--console-output", console, "-e", f"CALLS={CALLS}", "-e", f"TOKENS={TOKENS}",
               "-e", f"SUMMARY={summary}", os.path.join(HERE, "stream.js")]
    try:
        done = subprocess.run(command, env=environment, timeout=RUN_LIMIT_SECONDS, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        sys.exit(f"check: `{' '.join(command)}` did not end within {RUN_LIMIT_SECONDS} s")
    if not os.path.exists(summary):
        sys.exit(f"check: inrush exited with {done.returncode} and handleSummary wrote no {summary}")
    with open(summary) as file:
        return done.returncode, read_console(console), json.load(file)


def read_console(path):
    """The REAL lines of the console file; a line may be plain or the quoted msg of a log line."""
    calls = {}
    with open(path) as file:
        for line in file:
            _, marker, rest = line.partition("REAL ")
            if not marker:
                continue
            if rest.startswith('{\\"'):
                rest = json.loads('"' + rest[: rest.rindex('}') + 1] + '"')
            record, _ = json.JSONDecoder().raw_decode(rest)
            calls[record["call"]] = record
    return calls


def compare_call(report, call, ours, witness):
    """One call: tokens, text and usage exactly, TPOT within its tolerance. Returns the difference of TPOT in ms."""
    name = f"call {call}"
    usage, timings = witness["usage"], witness["timings"]
    report.check(witness["done"], f"{name}: the server ended its stream with [DONE]")
    if not usage or not timings:
        report.check(False, f"{name}: the server sent no usage or no timings; it saw {witness}")
        return None
    told = ours["usage"] or {}
    pairs = [
        ("usage.outputTokens", told.get("outputTokens"), usage["completion_tokens"]),
        ("usage.outputTokens against timings.predicted_n", told.get("outputTokens"), timings["predicted_n"]),
        ("usage.inputTokens", told.get("inputTokens"), usage["prompt_tokens"]),
        ("usage.cachedTokens", told.get("cachedTokens") or 0,
         (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)),
        ("usage.source", told.get("source"), "provider"),
        ("text", ours["text"], witness["text"]),
        ("chunks (content events)", ours["chunks"], witness["events"]),
    ]
    if ours["itl"]:  # not published when inrush does not know the number of tokens per event
        pairs.append(("itl.count", ours["itl"]["count"], witness["events"] - 1))
    for what, got, want in pairs:
        report.check(got == want, f"{name}: {what}: inrush says {got!r}, the server {want!r}")

    theirs = timings["predicted_per_token_ms"]
    if ours["tpot"] is None:
        report.check(False, f"{name}: inrush reports no tpot, the server {theirs:.3f} ms")
        return None
    gaps = timings["predicted_n"] - 1
    allowed = RELATIVE * theirs + END_POINT_MS_PER_CALL / gaps
    difference = ours["tpot"] - theirs
    report.check(abs(difference) <= allowed,
                 f"{name}: tpot: inrush says {ours['tpot']:.4f} ms, the server {theirs:.4f} ms; allowed {allowed:.4f} ms")
    # The first token cannot arrive before the server has read the prompt.
    report.check(ours["ttft"] is not None and ours["ttft"] >= timings["prompt_ms"],
                 f"{name}: ttft {ours['ttft']} ms is shorter than the server's prompt_ms {timings['prompt_ms']}")
    print(f"{name}: {usage['completion_tokens']} tokens, tpot {ours['tpot']:.4f} ms, server {theirs:.4f} ms, "
          f"ttft {ours['ttft']:.2f} ms, server's prompt {timings['prompt_ms']:.2f} ms", file=sys.stderr)
    return difference, theirs, gaps


def compare_summary(report, metrics, witnesses):
    """The run's counters equal the sums over the calls."""
    sums = {
        "ai_requests": len(witnesses),
        "ai_output_tokens": sum(w["usage"]["completion_tokens"] for w in witnesses),
        "ai_input_tokens": sum(w["usage"]["prompt_tokens"] for w in witnesses),
    }
    for name, want in sums.items():
        got = metrics.get(name, {}).get("values", {}).get("count")
        report.check(got == want, f"summary: {name}: inrush says {got}, the server's answers add up to {want}")


def main():
    parser = argparse.ArgumentParser(description="compare inrush with llama.cpp's server")
    parser.add_argument("--inrush", required=True, help="path of the inrush binary")
    parser.add_argument("--work", required=True, help="folder for the model and logs")
    arguments = parser.parse_args()
    os.makedirs(arguments.work, exist_ok=True)

    report = Report()
    model = make_model(arguments.work)
    with Server(model, arguments.work) as server_url:
        address = urllib.parse.urlsplit(server_url)
        relay = recorder.Recorder(address.hostname, address.port)
        base_url = f"http://127.0.0.1:{relay.port}{address.path}"
        code, calls, metrics = run_inrush(arguments.inrush, base_url, arguments.work)
        exchanges = relay.finish(limit_seconds=10)

    report.check(code == 0, f"inrush exited with {code}, expected 0")
    for problem in relay.problems:
        report.check(False, problem)
    witnesses = {}
    for exchange in exchanges:
        if exchange["path"].endswith("/chat/completions"):
            witnesses[int(exchange["request_headers"]["x-call"])] = recorder.read_stream(exchange["response"])
    report.check(sorted(witnesses) == list(range(CALLS)), f"the server saw calls {sorted(witnesses)}, expected {CALLS}")
    report.check(sorted(calls) == list(range(CALLS)), f"the script reported calls {sorted(calls)}, expected {CALLS}")

    differences = []
    for call in sorted(set(calls) & set(witnesses)):
        difference = compare_call(report, call, calls[call], witnesses[call])
        if difference:
            differences.append(difference)
    if differences:
        middle = statistics.median(d for d, _, _ in differences)
        theirs = statistics.median(t for _, t, _ in differences)
        allowed = RELATIVE * theirs + END_POINT_MS_MEDIAN / min(g for _, _, g in differences)
        report.check(abs(middle) <= allowed,
                     f"median difference of tpot is {middle:.4f} ms over {len(differences)} calls; allowed {allowed:.4f} ms")
    if all(w["usage"] for w in witnesses.values()):
        compare_summary(report, metrics, list(witnesses.values()))

    print(f"real server: {report.passed} passed, {report.failed} failed", file=sys.stderr)
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main())
