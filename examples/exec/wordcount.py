#!/usr/bin/env python3
"""An agent that counts the words of a text. By hand:
printf '%s\n' '{"type":"message","id":"1","payload":{"text":"to be or not to be"}}' | python3 wordcount.py
"""
import collections, json, sys

for line in sys.stdin:
    frame = json.loads(line)
    if frame["type"] != "message":
        continue
    answer = {"type": "result", "id": frame["id"]}
    try:
        answer["payload"] = collections.Counter(frame["payload"]["text"].split())
    except (TypeError, KeyError, AttributeError):
        answer = {"type": "error", "id": frame["id"],
                  "error": {"code": "invalid", "message": 'want {"text": "some words"}'}}
    print(json.dumps(answer), flush=True)
