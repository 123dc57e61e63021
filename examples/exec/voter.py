#!/usr/bin/env python3
"""A member of sessions: it votes yes on whatever costs no more than its limit.

    mabus agents start ann -- python3 voter.py 100
    mabus sessions start --type consensus --members ann,bob,cleo --question '{"buy":"a printer","cost":80}' --wait 10s

A session's question is a message like any other, and what is answered is the vote.
"""
import json
import sys

limit = float(sys.argv[1])

for line in sys.stdin:
    frame = json.loads(line)
    if frame["type"] != "message":
        continue
    question = frame["payload"].get("question") or {}
    vote = "yes" if question.get("cost", 0) <= limit else "no"
    print(json.dumps({"type": "result", "id": frame["id"], "payload": {"choice": vote, "reason": f"my limit is {limit:g}"}}), flush=True)
