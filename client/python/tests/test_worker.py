"""What the package promises beyond the protocol; the protocol itself is checked by test/conformance."""

import json
import os
import threading
import unittest

from mabus import Cancelled, MabusError
from mabus.worker import Worker


class Host:
    """The other end of a worker's pipes."""

    def __init__(self, handler, concurrency=2, state=None, saved=None):
        worker_in, self._in = os.pipe()
        self._out, worker_out = os.pipe()
        self.worker = Worker(handler, os.fdopen(worker_in, "rb"), os.fdopen(worker_out, "wb", buffering=0), state)
        self._in, self._out = os.fdopen(self._in, "wb", buffering=0), os.fdopen(self._out, "rb")
        self.thread = threading.Thread(target=self.worker.run)
        self.thread.start()
        self.say(type="init", protocol=1, agent={"id": "a1", "concurrency": concurrency}, config={"x": 1}, **({"state": saved} if saved else {}))
        assert self.hear() == ({"type": "ready", "stateful": True} if state and saved else {"type": "ready"})

    def say(self, **frame):
        self._in.write(json.dumps(frame).encode() + b"\n")

    def hear(self):
        return json.loads(self._out.readline())

    def ask(self, payload, **fields):
        self.say(type="message", id="1", **fields, payload=payload)
        return self.hear()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.say(type="stop")
        self._in.close()
        self.thread.join(10)
        assert not self.thread.is_alive(), "the worker does not end"
        self._out.close()
        self.worker._in.close()
        self.worker._out.close()


class TestWorker(unittest.TestCase):
    def test_coroutines(self):
        async def handle(message):
            return message.payload + 1

        with Host(handle) as host:
            self.assertEqual(host.ask(1), {"type": "result", "id": "1", "payload": 2})

    def test_a_generator_is_no_answer(self):
        with Host(lambda m: (n for n in range(3))) as host:
            self.assertIn("no JSON value", host.ask(1)["error"])

    def test_what_json_does_not_hold(self):
        for value in (float("nan"), float("inf"), {1, 2}, b"x", "\ud800", {"a": object()}):
            with self.subTest(repr(value)), Host(lambda m: value) as host:
                self.assertIn("no JSON value", host.ask(1)["error"])

    def test_errors_keep_their_details(self):
        def handle(message):
            raise MabusError("overloaded", "full", "mailbox_full", {"retry_after": "2s"})

        with Host(handle) as host:
            self.assertEqual(host.ask(1)["error"], {"code": "overloaded", "message": "full", "details": {"reason": "mailbox_full", "retry_after": "2s"}})

    def test_a_bad_part_is_the_handlers_error(self):
        def handle(message):
            with self.assertRaises(ValueError):
                message.chunk(float("nan"))
            with self.assertRaises(ValueError):
                message.spend(cost=-1)
            with self.assertRaises(ValueError):
                message.spend(cost=0.5)
            return "fine"

        with Host(handle) as host:
            self.assertEqual(host.ask(1, stream=True)["payload"], "fine")

    def test_cancel_is_raised_everywhere(self):
        begun, seen = threading.Event(), []

        def handle(message):
            begun.set()
            message.cancelled.wait()
            for do in (lambda: message.chunk(1), lambda: message.progress(1), lambda: message.save(1), lambda: message.ask(1),
                       lambda: message.call("a", 1), lambda: message.cast("a", 1)):
                try:
                    do()
                except Cancelled as e:
                    seen.append(e.code)

        with Host(handle) as host:
            host.say(type="message", id="1", stream=True, task={"id": "t", "attempt": 1}, payload=1)
            begun.wait()
            host.say(type="cancel", id="1")
            self.assertEqual(host.hear(), {"type": "result", "id": "1", "payload": None})
        self.assertEqual(seen, ["cancelled"] * 6)

    def test_questions_from_two_threads_come_one_after_the_other(self):
        def handle(message):
            answers = []
            threads = [threading.Thread(target=lambda q=q: answers.append((q, message.ask(q)))) for q in "ab"]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
            return sorted(answers)

        with Host(handle) as host:
            first = host.ask(1, stream=True)
            host.say(type="input", id="1", payload=1)
            second = host.hear()
            host.say(type="input", id="1", payload=2)
            self.assertEqual(sorted([[first["payload"], 1], [second["payload"], 2]]), host.hear()["payload"])

    def test_the_error_of_a_reply_is_raised(self):
        def handle(message):
            try:
                message.call("other", 1, timeout=2)
            except MabusError as e:
                return [e.code, e.reason, e.maybe_executed, str(e)]

        with Host(handle) as host:
            call = host.ask(1)
            self.assertEqual(call["timeout"], "2.000000s")
            host.say(type="reply", id=call["id"], error={"code": "unavailable", "message": "gone", "details": {"reason": "agent_crashed", "maybe_executed": True}})
            self.assertEqual(host.hear()["payload"], ["unavailable", "agent_crashed", True, "unavailable (agent_crashed): gone"])

    def test_a_state_that_is_none(self):
        def refuse():
            raise MabusError("overloaded", "not now")

        for state, want in ((lambda: float("nan"), "ValueError"), (lambda: 1 / 0, "ZeroDivisionError"), (refuse, "not now")):
            with self.subTest(want), Host(lambda m: m.state, 2, state, saved={"version": 2, "data": [7]}) as host:
                self.assertEqual(host.ask(1)["payload"], [7])
                host.say(type="state")
                told = host.hear()
                self.assertNotIn("payload", told)
                self.assertIn(want, str(told["error"]))

    def test_config(self):
        with Host(lambda m: [m.config, m.agent["id"]]) as host:
            self.assertEqual(host.ask(1)["payload"], [{"x": 1}, "a1"])


if __name__ == "__main__":
    unittest.main()
