#!/usr/bin/env python3
"""An agent that goes on where it stopped: it counts words, and what it has counted survives crashes, moves and the death of its host.

    mabus agents start tally --env PYTHONPATH=$PWD/client/python -- python3 $PWD/examples/python/tally.py
    mabus call tally '{"text":"to be or not to be"}'
    mabus agents stop tally && mabus agents start tally
    mabus call tally '{"text":"to be"}'
"""
from mabus import worker

SAVE_EVERY = 10  # messages, so that a crash loses no more than that

counts = None
fresh = 0


def handle(message):
    global counts, fresh
    if counts is None:
        counts = message.state or {}
    for word in message.payload["text"].lower().split():
        counts[word] = counts.get(word, 0) + 1
    fresh += 1
    if fresh >= SAVE_EVERY:
        message.save_state(counts)
        fresh = 0
    return counts


worker.run(handle, state=lambda: counts)
