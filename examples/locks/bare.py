"""Holds a lock with nothing but the text protocol of NATS: what any language with a socket can do.

    mabus up
    python3 examples/locks/bare.py

With a NATS client of your language, ask() is one line, and the rest is the same.
"""
import json
import os
import secrets
import socket
import sys
import threading
import time
from urllib.parse import urlparse


class MabusError(Exception):
    def __init__(self, body):
        super().__init__(body["message"])
        self.code = body["code"]
        self.reason = body.get("details", {}).get("reason", "")


class Bus:
    """One request at a time over one connection to a NATS server on the loopback interface, without a password."""

    def __init__(self, url):
        at = urlparse(url)
        self.sock = socket.create_connection((at.hostname, at.port or 4222))
        self.lines = self.sock.makefile("rb")
        self.inbox = "_INBOX." + secrets.token_hex(8)
        self.one = threading.Lock()
        self.lines.readline()  # INFO
        self.send('CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\nSUB %s 1\r\n' % self.inbox)

    def send(self, text):
        self.sock.sendall(text.encode())

    def ask(self, method, body, timeout=5, request_id=""):
        """Asks a method of Mabus and returns its answer."""
        data = json.dumps(body)
        header = "NATS/1.0\r\nMabus-Timeout: %gs\r\n" % timeout
        if request_id:
            header += "Mabus-Request-Id: %s\r\n" % request_id
        header += "\r\n"
        with self.one:
            self.send("HPUB mabus.%s %s %d %d\r\n%s%s\r\n" % (method, self.inbox, len(header), len(header) + len(data.encode()), header, data))
            self.sock.settimeout(timeout + 1)
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


class Lease:
    """Proof that this process lives. It counts from when a renewal was sent, by a clock that is never set."""

    def __init__(self, bus):
        sent = time.monotonic()
        self.bus, self.lease = bus, bus.ask("registry.leases.acquire", {})
        self.id, self.renew, self.hold = self.lease["id"], seconds(self.lease["renew"]), seconds(self.lease["hold"])
        self.until, self.over = sent + self.hold, threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def held(self):
        """Look here before each act under a lock."""
        return time.monotonic() < self.until and not self.over.is_set()

    def run(self):
        sent = 0.0
        while not self.over.wait(self.renew if not sent else 0.1):
            sent = sent or time.monotonic()  # one that is repeated counts from its first sending
            try:
                lease = self.bus.ask("registry.leases.renew", {"id": self.id, "token": self.lease["token"]}, self.renew)
            except MabusError as e:
                if e.code == "fenced":
                    self.until = 0.0
                    return
                continue
            except OSError:  # with a real client, the connection comes back
                self.until = 0.0
                return
            if time.monotonic() >= self.until:
                return  # too late
            self.lease, self.until, sent = lease, sent + self.hold, 0.0

    def close(self):
        self.over.set()
        self.thread.join()
        self.bus.ask("registry.leases.release", {"id": self.id, "token": self.lease["token"]})


def seconds(text):
    units = {"ms": 0.001, "s": 1.0, "m": 60.0}
    for unit in ("ms", "s", "m"):
        if text.endswith(unit):
            return float(text[: -len(unit)]) * units[unit]
    raise ValueError(text)


def main():
    url = os.environ.get("NATS_URL", "nats://127.0.0.1:4222")
    lease = Lease(Bus(url))  # a connection of its own, so that a wait for a lock does not hold renewals up
    bus = Bus(url)
    # The ticket makes the request safe to repeat, and the lock possible to release, when its answer is lost.
    ticket = secrets.token_hex(8)
    grant = bus.ask("coordination.locks.acquire", {"name": "report", "lease": lease.id, "wait": "30s", "ticket": ticket}, 31, ticket)
    token = grant["token"]
    cell = bus.ask("coordination.cells.open", {"name": "report", "token": token})
    report = cell.get("value") or {"steps": 0}
    if not lease.held():
        sys.exit("the lock was lost")
    report = {"steps": report["steps"] + 1, "by": lease.id}
    bus.ask("coordination.cells.put", {"name": "report", "token": token, "value": report}, request_id=secrets.token_hex(8))
    print("token %d: step %d" % (token, report["steps"]))
    bus.ask("coordination.locks.release", {"name": "report", "ticket": ticket})
    lease.close()


if __name__ == "__main__":
    main()
