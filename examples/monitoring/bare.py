"""Records metrics and appends events with nothing but the text protocol of NATS: what any language with a socket can do.

    mabus up
    python3 examples/monitoring/bare.py

With a NATS client of your language, ask() and tell() are one line each, and the rest is the same.
"""
import json
import os
import secrets
import socket
import time
from urllib.parse import urlparse


class MabusError(Exception):
    def __init__(self, body):
        super().__init__(body["message"])
        self.code = body["code"]
        self.reason = body.get("details", {}).get("reason", "")


class Bus:
    """One connection to a NATS server on the loopback interface, without a password."""

    def __init__(self, url):
        at = urlparse(url)
        self.sock = socket.create_connection((at.hostname, at.port or 4222), 10)
        self.lines = self.sock.makefile("rb")
        self.inbox = "_INBOX." + secrets.token_hex(8)
        self.lines.readline()  # INFO
        self.send('CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\nSUB %s 1\r\n' % self.inbox)

    def send(self, text):
        self.sock.sendall(text.encode())

    def tell(self, method, body):
        """Sends a request that nobody answers: the quickest way to record, which may lose some."""
        data = json.dumps(body)
        self.send("PUB mabus.%s %d\r\n%s\r\n" % (method, len(data.encode()), data))

    def ask(self, method, body):
        """Asks a method of Mabus and returns its answer."""
        data = json.dumps(body)
        self.send("PUB mabus.%s %s %d\r\n%s\r\n" % (method, self.inbox, len(data.encode()), data))
        headers, answer = self.next()
        if " 503" in headers:
            raise MabusError({"code": "unavailable", "message": "nobody listens on " + method})
        if "Nats-Service-Error-Code" in headers:
            raise MabusError(json.loads(answer))
        return json.loads(answer)

    def next(self):
        while True:
            line = self.lines.readline().decode()
            if not line:
                raise ConnectionError("the server has closed the connection")
            words = line.split()
            if words[0] == "PING":
                self.send("PONG\r\n")
            elif words[0] == "MSG":
                return "", self.lines.read(int(words[-1]) + 2)[:-2]
            elif words[0] == "HMSG":
                head, total = int(words[-2]), int(words[-1])
                data = self.lines.read(total + 2)[:-2]
                return data[:head].decode(), data[head:]


def main():
    bus = Bus(os.environ.get("NATS_URL", "nats://127.0.0.1:4222"))
    batch = "batch-" + secrets.token_hex(4)
    oven = {"kind": "custom", "id": "oven-" + secrets.token_hex(4), "type": "oven"}

    # Events belong together by their correlation, and each names the one that has caused it. An id that is given is for ever: what is
    # sent twice is there once.
    begun = {"type": "batch.begun", "id": batch, "subject": oven["id"], "correlationid": batch, "data": {"loaves": 100}}
    first = bus.ask("perfmon.events.append", begun)
    assert bus.ask("perfmon.events.append", begun)["id"] == first["id"]

    # Durations are in seconds. Samples that are alike go together, by their count.
    for loaf in range(99):
        bus.tell("perfmon.metrics.record", {**oven, "metric": "latency_seconds", "value": 0.3 + 0.001 * loaf})
    bus.tell("perfmon.metrics.record", {**oven, "metric": "latency_seconds", "value": 2.5})
    bus.ask("perfmon.metrics.record", {"records": [  # this is answered when it is in the log
        {**oven, "metric": "errors", "value": 1, "count": 2},
        {**oven, "metric": "temperature", "value": 231.5},
    ]})
    bus.ask("perfmon.events.append", {"type": "batch.baked", "correlationid": batch, "causationid": first["id"], "subject": oven["id"]})

    # What is in the log is read by every replica a moment later: see status.as_of of any answer.
    until = time.monotonic() + 10
    while True:
        answer = bus.ask("perfmon.metrics.window", {"kind": "custom", "metric": "latency_seconds", "id": oven["id"], "last": "1m"})
        if answer["series"] and answer["series"][0]["count"] == 100:
            break
        assert time.monotonic() < until, answer
        time.sleep(0.1)
    s = answer["series"][0]
    print("%d loaves: half of them took up to %.2f s, the slowest %.2f s, %.0f %% went wrong"
          % (s["count"], s["p50"], s["max"], 100 * s["error_share"]))
    chain = bus.ask("perfmon.events.chain", {"correlationid": batch})
    for link in chain["events"]:
        print("  " * link["depth"] + link["event"]["type"])
    try:
        bus.ask("perfmon.events.append", {**begun, "data": {"loaves": 7}})
    except MabusError as e:
        print("another event of that id: %s (%s)" % (e.code, e.reason))


if __name__ == "__main__":
    main()
