#!/usr/bin/env python3
"""The worker of the conformance kit in Python: it does what test/conformance/README.md lists."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../../../client/python"))

from mabus import MabusError, worker  # noqa: E402


def about(message):
    return {
        "task": message.task, "attempt": message.attempt, "checkpoint": message.checkpoint, "principal": message.principal,
        "job": message.job, "session": message.session, "cast": message.is_cast, "agent": message.agent.get("id"), "config": message.config,
    }


def fail(message):
    p = message.payload
    if "code" in p:
        raise MabusError(p["code"], p["message"], p.get("reason", ""))
    raise RuntimeError(p["message"])


def stream(message):
    n = message.payload["n"]
    for i in range(1, n + 1):
        message.chunk(i)
        message.progress({"done": i, "of": n})
    return n


def steps(message):
    begin = done = (message.checkpoint or {}).get("done", 0)
    while done < message.payload["n"]:
        done += 1
        message.save({"done": done})
        if done == message.payload.get("crash_at") and message.attempt == 1:
            os._exit(3)
    return {"from": begin, "done": done}


def approve(message):
    done = (message.checkpoint or {}).get("done", 0)
    if done == 0:
        message.save({"done": 1})
    return {"answer": message.ask(message.payload["question"])}


def slow(message):
    message.chunk("begun")
    message.cancelled.wait()
    message.chunk("too late")


def call(message):
    p = message.payload
    return message.call(p.get("agent"), p.get("payload"), p.get("timeout"), capability=p.get("capability"))


def spend(message):
    p = message.payload
    message.spend(p["tokens_in"], p["tokens_out"])
    message.spend(cost=p["cost"])
    if p.get("fail"):
        raise MabusError("unavailable", "the model is away")


kept = []


def keep(message):
    kept.append(message.payload["value"])
    message.save_state(kept[-1])


def noise(message):
    print("noise on standard output")
    os.system("echo noise of a child")
    print("noise on standard error", file=sys.stderr)


BEHAVIOURS = {
    "echo": lambda m: m.payload["value"], "about": about, "fail": fail, "stream": stream, "steps": steps, "approve": approve, "slow": slow,
    "ask": lambda m: {"answer": m.ask(m.payload["question"])}, "call": call, "cast": lambda m: m.cast(m.payload["agent"], m.payload["payload"]),
    "spend": spend, "crash": lambda m: os._exit(3), "noise": noise, "nan": lambda m: float("nan"),
    "state": lambda m: {"state": m.state, "version": m.state_version}, "keep": keep,
    "log": lambda m: m.log(m.payload["message"], m.payload["level"]),
}


def handle(message):
    if message.session is not None:
        message.payload = message.payload["ask"]
    return BEHAVIOURS[message.payload["do"]](message)


worker.run(handle, state=lambda: {"last": kept[-1]} if kept else None)
