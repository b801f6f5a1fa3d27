"""A TCP relay that keeps a copy of what passes: the second witness of tests/real.

It sits between inrush and llama.cpp and hands bytes on unchanged, at once and in both directions; what was said is
parsed only after the connection has closed, so it costs the measured stream nothing. check.py compares what inrush
reports with what this witness saw. It understands just enough HTTP/1.1 for that and shares no code with inrush.
"""

import json
import socket
import threading


class Recorder:
    """Listens on a free port of 127.0.0.1 and relays every connection to `host:port`."""

    def __init__(self, host, port):
        self.target = (host, port)
        self.exchanges = []  # one dict per request, in order of completion of their connections
        self.problems = []
        self._connections = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            relay = threading.Thread(target=self._relay, args=(client,), daemon=True)
            self._connections.append(relay)
            relay.start()

    def _relay(self, client):
        try:
            server = socket.create_connection(self.target, timeout=10)
        except OSError as error:
            self.problems.append(f"the relay could not reach the server: {error}")
            client.close()
            return
        server.settimeout(None)
        asked, answered = bytearray(), bytearray()
        upward = threading.Thread(target=_pump, args=(client, server, asked), daemon=True)
        upward.start()
        _pump(server, client, answered)
        upward.join(timeout=10)
        client.close()
        server.close()
        try:
            self.exchanges.extend(parse_connection(bytes(asked), bytes(answered)))
        except ValueError as error:
            self.problems.append(f"the recorded traffic does not parse: {error}")

    def finish(self, limit_seconds):
        """Waits until every connection is closed and parsed; returns the exchanges. Raises TimeoutError."""
        self._listener.close()
        for relay in self._connections:
            relay.join(timeout=limit_seconds)
            if relay.is_alive():
                raise TimeoutError("a connection through the relay is still open although inrush has ended")
        return self.exchanges


def _pump(source, sink, copy):
    """Copies until the source ends, then ends the sink's writing side as well."""
    source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        while data := source.recv(65536):
            sink.sendall(data)
            copy += data
    except OSError:
        pass
    try:
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def parse_connection(asked, answered):
    """Splits the two byte streams of a keep-alive connection into exchanges."""
    exchanges = []
    while asked:
        request_line, request_headers, asked = _head(asked)
        length = int(request_headers.get("content-length", "0"))
        body, asked = asked[:length], asked[length:]
        if not answered and exchanges:
            # llama.cpp announces keep-alive and closes soon after: a request that crossed its close was never seen by
            # it, and comes again on another connection. check.py misses the call if it does not.
            break
        status_line, response_headers, answered = _head(answered)
        if response_headers.get("transfer-encoding", "").lower() == "chunked":
            payload, answered = _dechunk(answered)
        else:
            length = int(response_headers.get("content-length", len(answered)))
            payload, answered = answered[:length], answered[length:]
        exchanges.append({
            "path": request_line.split(" ")[1],
            "request_headers": request_headers,
            "request": json.loads(body) if body else None,
            "status": int(status_line.split(" ")[1]),
            "response": payload,
        })
    return exchanges


def _head(data):
    end = data.find(b"\r\n\r\n")
    if end < 0:
        raise ValueError(f"no end of an HTTP head in {data[:80]!r}")
    first, *rest = data[:end].decode("latin-1").split("\r\n")
    headers = {}
    for line in rest:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return first, headers, data[end + 4:]


def _dechunk(data):
    payload = bytearray()
    while True:
        end = data.find(b"\r\n")
        if end < 0:
            raise ValueError("the chunked body is cut off")
        size = int(data[:end].split(b";")[0], 16)
        data = data[end + 2:]
        if size == 0:
            return bytes(payload), data[2:]
        payload += data[:size]
        data = data[size + 2:]


def read_stream(payload):
    """What one streamed chat answer says: its text, the number of events with text, `usage` and `timings`."""
    seen = {"text": "", "events": 0, "usage": None, "timings": None, "finish_reason": None, "done": False}
    for line in payload.decode("utf-8").splitlines():
        if not line.startswith("data:"):
            continue
        data = line[5:].strip()
        if data == "[DONE]":
            seen["done"] = True
            continue
        chunk = json.loads(data)
        seen["usage"] = chunk.get("usage") or seen["usage"]
        seen["timings"] = chunk.get("timings") or seen["timings"]
        for choice in chunk.get("choices", []):
            seen["finish_reason"] = choice.get("finish_reason") or seen["finish_reason"]
            text = choice.get("delta", {}).get("content")
            if text:
                seen["text"] += text
                seen["events"] += 1
    return seen
