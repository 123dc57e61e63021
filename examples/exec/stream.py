#!/usr/bin/env python3
"""An agent that says a text word by word, with a pause of so many seconds after each, and stops when told to. By hand:
printf '%s\n' '{"type":"message","id":"1","stream":true,"payload":{"text":"to be or","pause":1}}' | python3 stream.py
"""
import json, queue, sys, threading

messages = queue.Queue()
cancelled = {}  # an event for each message that is not answered yet


def listen():
    """Reads all the time, so that a cancel is seen while a message is being worked on."""
    for line in sys.stdin:
        frame = json.loads(line)
        if frame["type"] == "message":
            cancelled[frame["id"]] = threading.Event()
            messages.put(frame)
        elif frame["type"] == "cancel" and frame["id"] in cancelled:
            cancelled[frame["id"]].set()
    messages.put(None)


def work(message):
    def say(kind, payload):
        if message.get("stream"):  # otherwise nobody would read it
            print(json.dumps({"type": kind, "id": message["id"], "payload": payload}), flush=True)

    text, pause = message["payload"]["text"], message["payload"].get("pause", 0)
    words = text.split()
    for n, word in enumerate(words, 1):
        say("chunk", word)
        say("progress", {"done": n, "of": len(words)})
        if cancelled[message["id"]].wait(pause):
            return {"type": "error", "error": {"code": "cancelled", "message": f"stopped after {n} words"}}
    return {"type": "result", "payload": {"text": " ".join(words)}}


threading.Thread(target=listen, daemon=True).start()
while (message := messages.get()) is not None:
    try:
        answer = work(message)
    except (TypeError, KeyError, AttributeError):
        answer = {"type": "error", "error": {"code": "invalid", "message": 'want {"text": "some words", "pause": 0.1}'}}
    del cancelled[message["id"]]
    print(json.dumps({**answer, "id": message["id"]}), flush=True)
