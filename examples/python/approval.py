#!/usr/bin/env python3
"""An agent for long tasks: it pays orders, and asks a person about the large ones, which may take days.

    mabus agents start payer --capability pay --env PYTHONPATH=$PWD/client/python -- python3 $PWD/examples/python/approval.py
    mabus tasks submit pay --id march '{"orders":[{"id":"a","amount":20},{"id":"b","amount":5000}],"limit":100}'
    mabus tasks follow march
    mabus tasks answer march true
"""
from mabus import worker


def handle(message):
    orders, limit = message.payload["orders"], message.payload.get("limit", 100)
    state = message.checkpoint or {"next": 0, "paid": [], "refused": []}
    while state["next"] < len(orders):
        order = orders[state["next"]]
        approved = order["amount"] <= limit or message.ask({"approve": order}) is True
        state["paid" if approved else "refused"].append(order["id"])  # here the order would be paid, by its id
        state["next"] += 1
        message.save(state)
        message.progress({"done": state["next"], "of": len(orders)})
    return {"paid": state["paid"], "refused": state["refused"]}


worker.run(handle)
