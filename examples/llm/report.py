"""The agent of the job's report: what became of the documents, and what the models had to do with it."""
from collections import Counter
from statistics import median

from mabus import worker


def money(micro):
    return f"{int(micro) / 1e6:.4f}"


def reviewed(results):
    reviews = {r["input"]: r["result"] for r in results if r.get("status") == "succeeded"}
    verdict = Counter(r["agree"] for r in reviews.values())
    overlaps = [r["overlap"] for r in reviews.values() if r["overlap"] is not None]
    return {
        "documents": len(results), "reviewed": len(reviews), "failed": len(results) - len(reviews),
        "one_summary": sum(len(r["summaries"]) < 2 for r in reviews.values()),
        "agree": verdict[True], "disagree": verdict[False], "unknown": verdict[None],
        "overlap": median(overlaps) if overlaps else None,
        "least": sorted((r["overlap"], name) for name, r in reviews.items() if r["overlap"] is not None)[:3],
        "reasons": {r["input"]: r.get("error", {}).get("message", "") for r in results if r.get("status") != "succeeded"},
    }


def by_model(results, agents):
    """What the reviews say of each model, and what the hosts have measured of the agents that it is behind."""
    rows = {}

    def row(name):
        return rows.setdefault(name, Counter())

    for result in results:
        for use in (result.get("result") or {}).get("models", []):
            if "error" not in use:
                row(use["model"])["summaries" if use["for"] == "summary" else "checks"] += 1
    for state in agents:
        live = state.get("live") or {}
        guard, usage = live.get("guard") or {}, live.get("usage") or {}
        for name in state["agent"].get("capabilities", []):
            row(name).update({
                "calls": guard.get("calls", 0), "failed": guard.get("failed", 0), "requests": guard.get("attempts", 0), "refused": guard.get("refused", 0),
                "retries": (guard.get("retry") or {}).get("retries", 0), "opened": (guard.get("breaker") or {}).get("opened", 0),
                "tokens_in": usage.get("tokens_in", 0), "tokens_out": usage.get("tokens_out", 0), "cost": int(usage.get("cost", 0)),
            })
    return rows


COLUMNS = ["summaries", "checks", "calls", "failed", "refused", "opened", "requests", "retries", "tokens_in", "tokens_out", "cost"]


def handle(message):
    results, agents, budget = message.payload["results"], message.payload.get("agents", []), message.payload.get("budget")
    docs, models = reviewed(results), by_model(results, agents)
    lines = [
        f"Documents   {docs['documents']}: {docs['reviewed']} reviewed ({docs['one_summary']} by one summary only), {docs['failed']} failed",
        f"Agreement   {docs['agree']} agree, {docs['disagree']} disagree, {docs['unknown']} not known"
        + (f"; overlap {docs['overlap']:g}% in the middle" if docs["overlap"] is not None else ""),
    ]
    lines += [f"  least     {share:3d}%  {name}" for share, name in docs["least"]]
    lines += [f"  failed    {name}: {why[:160]}" for name, why in sorted(docs["reasons"].items())[:5]]
    lines += ["", "".join([f"{'MODEL':10}"] + [f"{c.replace('_', ' ').upper():>12}" for c in COLUMNS])]
    for name in sorted(models):
        cells = [money(models[name][c]) if c == "cost" else models[name][c] for c in COLUMNS]
        lines.append("".join([f"{name:10}"] + [f"{cell:>12}" for cell in cells]))
    if budget:
        lines += ["", f"Cost        {money(budget['spent'])} of at most {money(budget['cap'])}, {budget.get('tokens_in', 0)} tokens in, {budget.get('tokens_out', 0)} out"]
    return {"text": "\n".join(lines) + "\n", "data": {"documents": docs, "models": models}}


if __name__ == "__main__":
    worker.run(handle)
