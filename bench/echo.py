"""An exec agent as people write them, which answers with the message."""
import json, sys

for line in sys.stdin:
    frame = json.loads(line)
    if frame["type"] == "message":
        answer = {"type": "result", "id": frame["id"], "payload": frame["payload"]}
        print(json.dumps(answer, separators=(",", ":")), flush=True)
