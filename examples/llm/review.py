"""An agent that has two models summarise a document and a third compare the summaries.

It asks for the models by capability and never sees an endpoint: retries, rates and keys are the http agents' own. What is left
to do here is what only the caller can know, which is to go on with another model when one is down.
"""
import re
import zlib
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser

from mabus import Cancelled, MabusError, worker

MOST = 8000  # characters of a document that a model is given
SUMMARISE = "Summarise the text in two sentences.\n\n"
COMPARE = ('Cross-check the two summaries of one text. The first line of your answer is AGREE or DISAGREE, the second is '
           '"overlap: N%" with how much of what they say they share, and then comes what only one of them says.\n\n')


class Prose(HTMLParser):
    """The text of a page, without its scripts and styles."""

    def __init__(self, page):
        super().__init__()
        self.text, self.hidden = [], 0
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.hidden += tag in ("script", "style")
        self.text.append("\n\n" if tag in ("p", "h1", "h2", "h3", "li", "pre") else "")

    def handle_endtag(self, tag):
        self.hidden -= tag in ("script", "style") and self.hidden > 0

    def handle_data(self, data):
        self.text.append("" if self.hidden else data)


def read(document, notes):
    if "content" not in document:
        raise MabusError("invalid", "the document is no text")
    text = document["content"]
    if document["path"].endswith((".html", ".htm")):
        text = "".join(Prose(text).text)
    text = re.sub(r"\n\s*\n", "\n\n", text).strip()
    if not text:
        raise MabusError("invalid", "the document is empty")
    if len(text) > MOST:
        notes.append(f"only the first {MOST} of {len(text)} characters were read")
    return text[:MOST]


def ask(message, state, model, what, prompt):
    """Asks one model. It returns None if that fails, since there are others; only an empty purse stops everything."""
    try:
        answer = message.call(capability=model, payload={"prompt": prompt, "max_tokens": 160}, timeout=30)["text"].strip()
        if not answer:
            raise MabusError("unavailable", "the answer is empty", "empty_answer")
    except Cancelled:
        raise
    except MabusError as e:
        if e.reason in ("budget_exhausted", "budget_reserved"):
            raise
        state["models"].append({"model": model, "for": what, "error": e.reason or e.code})
        state["notes"].append(f"{model}: {e.message}")
        return None
    state["models"].append({"model": model, "for": what})
    return answer


def handle(message):
    notes = []
    text = read(message.payload, notes)
    state = message.checkpoint or {"summaries": {}, "models": [], "notes": notes}
    summaries = state["summaries"]
    # Each document begins with another model, so that all have the same to do.
    models = list(message.config["models"])
    first = zlib.crc32(message.payload["path"].encode()) % len(models)
    models = models[first:] + models[:first]

    with ThreadPoolExecutor(2) as threads:
        def summarise(model):
            answer = ask(message, state, model, "summary", SUMMARISE + text)
            if answer:
                summaries[model] = answer

        untried = [m for m in models if m not in summaries]
        while len(summaries) < 2 and untried:
            now = untried[:2 - len(summaries)]
            untried = untried[len(now):]
            both = [threads.submit(summarise, model) for model in now]
            wrong = [e for e in (future.exception() for future in both) if e]
            message.save(state)  # what has been paid for is not asked again when the task goes on later
            if wrong:
                raise wrong[0]

    if not summaries:
        raise MabusError("unavailable", "no model has summarised the document: " + "; ".join(state["notes"]), "no_summary")
    verdict = check(message, state, models) if len(summaries) == 2 else None
    said = re.match(r"\W*(AGREE|DISAGREE)\b", verdict or "", re.I)
    overlap = re.search(r"overlap\W*(\d{1,3})\s*%", verdict or "", re.I)
    if verdict and not said:
        state["notes"].append("the check says neither AGREE nor DISAGREE")
    return {
        "summaries": summaries,
        "agree": said.group(1).upper() == "AGREE" if said else None,
        "overlap": min(int(overlap.group(1)), 100) if overlap else None,
        "models": state["models"],
        "notes": state["notes"],
    }


def check(message, state, models):
    """Has the summaries compared, if possible by a model that wrote neither of them."""
    a, b = state["summaries"].values()
    for model in sorted(models, key=lambda m: m in state["summaries"]):
        if model in state["summaries"]:
            state["notes"].append(f"{model} was to check its own summary, since no other model answered")
        verdict = ask(message, state, model, "check", f"{COMPARE}Summary A:\n{a}\n\nSummary B:\n{b}")
        if verdict:
            return verdict
    return None


if __name__ == "__main__":
    worker.run(handle)
