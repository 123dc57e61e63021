#!/usr/bin/env python3
"""An agent that counts the words of a text and says the most frequent ones one by one.

    mabus agents start words --env PYTHONPATH=$PWD/client/python -- python3 $PWD/examples/python/summarise.py
    mabus call --stream words '{"text":"to be or not to be","top":2}'
"""
from collections import Counter

from mabus import MabusError, worker


def handle(message):
    text = message.payload.get("text")
    if not isinstance(text, str):
        raise MabusError("invalid", 'want {"text": "some words", "top": 3, "pause": 0}')
    words = Counter(text.lower().split())
    top = words.most_common(message.payload.get("top", 3))
    for done, (word, count) in enumerate(top, 1):
        message.chunk({"word": word, "count": count})
        message.progress({"done": done, "of": len(top)})
        message.cancelled.wait(message.payload.get("pause", 0))  # whoever goes away is not worked for
    return {"words": sum(words.values()), "different": len(words)}


worker.run(handle)
