"""What a handler works with."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Optional

from .errors import Cancelled, MabusError

if TYPE_CHECKING:
    from .worker import Worker


class Message:
    """What somebody wants of the agent, and the ways to say something before the answer.

    Its methods may be used from any thread, and raise ``Cancelled`` once the message is cancelled.
    """

    def __init__(self, worker: Worker, frame: dict[str, Any], checkpoint: Any = None) -> None:
        task = frame.get("task") or {}
        self.id: str = frame["id"]
        #: Any JSON value, as the sender wrote it.
        self.payload: Any = frame.get("payload")
        #: The id of the durable task that the message is, or None. A task may run more than once.
        self.task: Optional[str] = task.get("id")
        #: Counts the attempts at the task from 1; 0 when the message is no task.
        self.attempt: int = task.get("attempt", 0)
        #: What an earlier attempt at the task saved last, or None.
        self.checkpoint: Any = checkpoint
        #: Who sent the message, if the sender named itself.
        self.principal: Optional[str] = frame.get("principal")
        #: The job that the message belongs to. Calls made for the message belong to it too.
        self.job: Optional[str] = frame.get("job")
        #: The id of the session whose question the message is, or None. What is returned is then the agent's answer to it.
        self.session: Optional[str] = frame.get("session")
        #: The W3C traceparent of the host's span for the message, or None: the parent of spans that the program makes by itself.
        self.traceparent: Optional[str] = frame.get("traceparent")
        #: When the sender stops waiting, in RFC 3339.
        self.deadline: Optional[str] = frame.get("deadline")
        #: True when nobody waits for an answer.
        self.is_cast: bool = bool(frame.get("cast"))
        #: True when the caller reads the answer in parts. Without it chunks and progress go nowhere.
        self.stream: bool = bool(frame.get("stream"))
        #: Set when nobody waits for the message any more: stop working on it. ``cancelled.wait(0.1)`` sleeps until then.
        self.cancelled = threading.Event()
        self._worker = worker
        self._lock = threading.Lock()
        self._asking = threading.Lock()  # questions of one message are asked one after the other
        self._waits: set[Future[Any]] = set()  # what ends when the message is cancelled
        self._question: Optional[Future[Any]] = None
        self._spent = {"tokens_in": 0, "tokens_out": 0, "cost": 0}

    @property
    def config(self) -> dict[str, Any]:
        """The agent's own settings."""
        return self._worker.config

    @property
    def agent(self) -> dict[str, Any]:
        """Who the agent is: id, type, capabilities, concurrency, tags, metadata."""
        return self._worker.agent

    @property
    def state(self) -> Any:
        """What the agent had saved last when the program started, wherever it ran then; None if nothing."""
        return self._worker.state

    @property
    def state_version(self) -> int:
        """Counts the states that were saved before the program started; 0 when there was none."""
        return self._worker.state_version

    def save_state(self, state: Any) -> None:
        """Saves the agent's state, at most 16 MiB, for its next start, here or on another host.

        It returns when the state is stored. MabusError ``fenced`` (``stale_state``): the agent has been started elsewhere since, and
        this program is about to be stopped.
        """
        self._worker.save(state)

    def chunk(self, payload: Any) -> None:
        """Sends a piece of the answer. What ``handle`` returns is the end of it, or all of it again."""
        self._part("chunk", payload, self.stream)

    def progress(self, payload: Any) -> None:
        """Tells how far the work is."""
        self._part("progress", payload, self.stream)

    def save(self, checkpoint: Any) -> None:
        """Saves how far a task is, at most 8 MiB: the next attempt gets the newest as ``message.checkpoint``.

        It is stored before a question or an answer that follows counts. For a message that is no task it does nothing.
        """
        self._part("checkpoint", checkpoint, self.task is not None)

    def ask(self, question: Any) -> Any:
        """Asks the caller something and returns the answer.

        A caller that does not read parts cannot be asked: MabusError ``failed_precondition`` (``no_reader``). A task that
        asks is put aside until somebody answers, which may take days: ``Cancelled`` is raised. With the answer the task is
        handed to an agent anew, by its newest checkpoint, and there the same question is answered at once.
        """
        with self._asking:
            future: Future[Any] = Future()
            self._watch(future)
            try:
                with self._lock:
                    self._question = future
                self._worker.send({"type": "need_input", "id": self.id, "payload": question})
                return future.result()
            finally:
                with self._lock:
                    self._question = None
                self._unwatch(future)

    def call(self, agent: Optional[str] = None, payload: Any = None, timeout: Optional[float] = None, *,
             capability: Optional[str] = None, traceparent: Optional[str] = None) -> Any:
        """Asks another agent, or any one with a capability, and returns its answer.

        ``timeout`` is in seconds; the call never outlives the message. ``traceparent`` is that of a span of the program's own, if it
        has one; the call is part of the message's trace without it. Raises MabusError with what the other side answered.
        """
        self._check()
        frame: dict[str, Any] = {"type": "call", "for": self.id, "payload": payload}
        if agent is not None:
            frame["agent"] = agent
        if capability is not None:
            frame["capability"] = capability
        if timeout is not None:
            frame["timeout"] = f"{max(timeout, 1e-6):.6f}s"
        if traceparent is not None:
            frame["traceparent"] = traceparent
        future: Future[Any] = Future()
        self._watch(future)
        try:
            return self._worker.call(frame, future)
        finally:
            self._unwatch(future)

    def cast(self, agent: str, payload: Any = None, *, traceparent: Optional[str] = None) -> None:
        """Sends to another agent and waits for nothing. Calls and casts leave in the order in which they were made."""
        self._check()
        frame: dict[str, Any] = {"type": "cast", "for": self.id, "agent": agent, "payload": payload}
        if traceparent is not None:
            frame["traceparent"] = traceparent
        self._worker.send(frame)

    def spend(self, tokens_in: int = 0, tokens_out: int = 0, cost: int = 0) -> None:
        """Adds to what the answer has cost, also when it will be an error. ``cost`` is in millionths of the unit of money."""
        for name, value in (("tokens_in", tokens_in), ("tokens_out", tokens_out), ("cost", cost)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise ValueError(f"{name} must be a whole number, 0 or more")
        with self._lock:
            self._spent["tokens_in"] += tokens_in
            self._spent["tokens_out"] += tokens_out
            self._spent["cost"] += cost

    def log(self, text: str, level: str = "info") -> None:
        """Writes to the host's log at trace, debug, info, warn or error."""
        self._worker.send({"type": "log", "level": level, "message": f"{text}"})

    # What follows is for the worker.

    def _usage(self) -> Optional[dict[str, Any]]:
        with self._lock:
            if not any(self._spent.values()):
                return None
            return {**self._spent, "cost": str(self._spent["cost"])}

    def _cancel(self, why: Optional[MabusError] = None) -> None:
        with self._lock:
            self.cancelled.set()
            waits = list(self._waits)
        for future in waits:
            _fail(future, why or Cancelled())

    def _input(self, frame: dict[str, Any]) -> None:
        with self._lock:
            future = self._question
        if future is not None:
            settle(future, frame)

    def _part(self, kind: str, payload: Any, wanted: bool) -> None:
        self._check()
        if wanted:
            self._worker.send({"type": kind, "id": self.id, "payload": payload})

    def _check(self) -> None:
        if self.cancelled.is_set():
            raise Cancelled()

    def _watch(self, future: Future[Any]) -> None:
        with self._lock:
            if self.cancelled.is_set():
                raise Cancelled()
            self._waits.add(future)

    def _unwatch(self, future: Future[Any]) -> None:
        with self._lock:
            self._waits.discard(future)


def settle(future: Future[Any], frame: dict[str, Any]) -> None:
    """Ends a wait with what the host says."""
    if "error" in frame:
        _fail(future, MabusError.read(frame["error"]))
        return
    try:
        future.set_result(frame.get("payload"))
    except Exception:  # it has ended already
        pass


def _fail(future: Future[Any], why: MabusError) -> None:
    try:
        future.set_exception(why)
    except Exception:  # it has ended already
        pass
