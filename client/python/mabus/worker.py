"""The program's side of docs/exec.md: frames in on standard input, frames out on standard output.

The reader has a thread of its own, so that a cancel is seen while messages are worked on. Handlers run in as many threads as
the agent has concurrency, the first of which is the program's main thread.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
import json
import os
import queue
import sys
import threading
import traceback
from concurrent.futures import Future
from typing import Any, BinaryIO, Callable, Optional

from .errors import Cancelled, MabusError
from .message import Message, settle

Handler = Callable[[Message], Any]

#: How long handlers may go on after standard input ended without a stop frame, because the host is dead, in seconds.
_ORPHAN_GRACE = 5.0


def run(handler: Handler, state: Optional[Callable[[], Any]] = None) -> None:
    """Serves the agent until the host says stop, and returns.

    ``handler`` is called with a Message and returns any JSON value; it may be a coroutine function, which then has an event
    loop of its own for each message. It is called for as many messages at once as the agent's concurrency says, one unless
    given.

    ``state`` is called when the agent is stopped, moved or drained, after its last message, and what it returns is saved as
    by ``message.save_state``; None saves nothing.

    From here on, what the program prints goes to standard error, because standard output belongs to the frames.
    """
    frames_in, frames_out = _take_pipes()
    Worker(handler, frames_in, frames_out, state).run()


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Takes standard input and output away from everybody else, also from libraries in C and from child processes."""
    sys.stdout.flush()
    frames_in, frames_out = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb", buffering=0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return frames_in, frames_out


class Worker:
    """One worker on a pair of pipes."""

    def __init__(self, handler: Handler, frames_in: BinaryIO, frames_out: BinaryIO, state: Optional[Callable[[], Any]] = None) -> None:
        self.agent: dict[str, Any] = {}
        self.config: dict[str, Any] = {}
        #: What the agent saved last, or None.
        self.state: Any = None
        #: Counts the states that were saved before this start; 0 when there was none.
        self.state_version = 0
        self._keeps = False  # the host keeps states
        self._handler = handler
        self._state = state
        self._asked = False  # for the state
        self._saving = threading.Lock()  # saves go one after the other
        self._in = frames_in
        self._out = frames_out
        self._writing = threading.Lock()
        self._lock = threading.Lock()
        self._messages: dict[str, Message] = {}
        self._idle = threading.Condition(self._lock)
        self._checkpoints: dict[str, Any] = {}
        self._calls: dict[str, Future[Any]] = {}
        self._numbers = itertools.count(1)
        self._work: queue.Queue[Optional[Message]] = queue.Queue()
        self._begun = threading.Event()  # the first frame has been read, so the concurrency is known
        self._over = False

    def run(self) -> None:
        threading.Thread(target=self._read, name="mabus-reader", daemon=True).start()
        self._begun.wait()
        others = [threading.Thread(target=self._serve, name=f"mabus-{n}", daemon=True) for n in range(1, self._width())]
        for thread in others:
            thread.start()
        self._serve()
        for thread in others:
            thread.join()

    def _width(self) -> int:
        width = self.agent.get("concurrency", 1)
        return width if isinstance(width, int) and width > 0 else 1

    def send(self, frame: dict[str, Any]) -> None:
        """Writes one frame. ValueError or TypeError says that it holds something that JSON does not, such as NaN."""
        line = json.dumps(frame, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        with self._writing:
            view = memoryview(line)
            while view:
                view = view[self._out.write(view):]

    def call(self, frame: dict[str, Any], future: Future[Any]) -> Any:
        """Sends a call and waits for its reply."""
        name = f"c{next(self._numbers)}"
        with self._lock:
            if self._over:
                raise _stopping()
            self._calls[name] = future
        try:
            self.send({**frame, "id": name})
            return future.result()
        finally:
            with self._lock:
                self._calls.pop(name, None)

    def save(self, state: Any) -> None:
        """Saves the agent's state. See Message.save_state."""
        if not self._keeps:
            raise MabusError("unimplemented", "this host keeps no state of its agents")
        with self._saving:
            self.call({"type": "save", "payload": state}, Future())

    def _tell(self, state: Callable[[], Any]) -> None:
        """Answers the host's question for the state, after the last message."""
        with self._idle:
            self._idle.wait_for(lambda: not self._messages)
        frame: dict[str, Any] = {"type": "state"}
        try:
            last = state()
            self.send(frame if last is None else {**frame, "payload": last})
        except OSError:  # the host does not read any more
            os._exit(1)
        except MabusError as e:
            self.send({**frame, "error": e.frame()})
        except Exception as e:
            traceback.print_exc()
            self.send({**frame, "error": f"{type(e).__name__}: {e}"})

    def _read(self) -> None:
        stopped = False
        try:
            for line in self._in:
                if not line.strip():
                    continue
                try:
                    frame = json.loads(line)
                    stopped = self._take(frame) or stopped
                except Exception:  # a frame that this package does not understand must not end the worker
                    traceback.print_exc()
                self._begun.set()
        finally:
            self._end(stopped)

    def _take(self, frame: dict[str, Any]) -> bool:
        """Takes a frame of the host. It returns true for the last one."""
        kind, name = frame.get("type"), frame.get("id", "")
        if kind == "init":
            self.agent, self.config = frame.get("agent") or {}, frame.get("config") or {}
            saved = frame.get("state")
            if saved is not None:
                self._keeps, self.state, self.state_version = True, saved.get("data"), saved.get("version", 0)
            self.send({"type": "ready", "stateful": True} if self._keeps and self._state is not None else {"type": "ready"})
        elif kind == "state":
            if self._state is not None and not self._asked:
                self._asked = True
                threading.Thread(target=self._tell, args=(self._state,), name="mabus-state", daemon=True).start()
        elif kind == "checkpoint":
            self._checkpoints[name] = frame.get("payload")
        elif kind == "message":
            message = Message(self, frame, self._checkpoints.pop(name, None))
            with self._lock:
                self._messages[name] = message
            self._work.put(message)
        elif kind in ("cancel", "input"):
            with self._lock:
                message = self._messages.get(name)
            if message is not None:
                message._cancel() if kind == "cancel" else message._input(frame)
        elif kind == "reply":
            with self._lock:
                future = self._calls.pop(name, None)
            if future is not None:
                settle(future, frame)
        elif kind == "stop":
            self._hang_up()
            return True
        return False

    def _hang_up(self) -> None:
        """No replies come any more, so nobody shall wait for one."""
        with self._lock:
            self._over = True
            waits = list(self._calls.values()) + [m._question for m in self._messages.values() if m._question is not None]
        for future in waits:
            settle(future, {"error": _stopping().frame()})

    def _end(self, stopped: bool) -> None:
        """Lets the threads end after the work that they have."""
        self._begun.set()
        self._hang_up()
        if not stopped and self.agent:  # the host is dead: nobody waits for anything. Without an init it is a person at a shell
            with self._lock:
                left = list(self._messages.values())
            for message in left:
                message._cancel()
            timer = threading.Timer(_ORPHAN_GRACE, os._exit, (1,))
            timer.daemon = True
            timer.start()
        for _ in range(self._width()):
            self._work.put(None)

    def _serve(self) -> None:
        while (message := self._work.get()) is not None:
            try:
                self._answer(message)
            except OSError:  # the host does not read any more
                os._exit(1)

    def _answer(self, message: Message) -> None:
        answer: dict[str, Any]
        try:
            answer = {"type": "result", "id": message.id, "payload": self._handle(message)}
        except MabusError as e:
            answer = {"type": "error", "id": message.id, "error": e.frame()}
        except (SystemExit, KeyboardInterrupt) as e:
            _leave(e)
        except BaseException as e:
            traceback.print_exc()
            answer = {"type": "error", "id": message.id, "error": f"{type(e).__name__}: {e}"}
        with self._idle:
            self._messages.pop(message.id, None)
            self._idle.notify_all()
        usage = message._usage()
        if usage:
            answer["usage"] = usage
        try:
            self.send(answer)
        except (TypeError, ValueError, RecursionError, UnicodeError) as e:
            text = f"the answer is no JSON value: {e}".encode(errors="replace").decode()
            self.send({"type": "error", "id": message.id, "error": text, **({"usage": usage} if usage else {})})

    def _handle(self, message: Message) -> Any:
        if message.cancelled.is_set():
            raise Cancelled()
        result = self._handler(message)
        if inspect.iscoroutine(result):
            result = asyncio.run(result)
        return result


def _stopping() -> MabusError:
    return MabusError("unavailable", "the worker is being stopped, so no answer comes", "draining")


def _leave(e: BaseException) -> None:
    """Ends the program from any thread, as the handler wants: the host sees a crash, or with status 0 an end."""
    sys.stderr.flush()
    code = e.code if isinstance(e, SystemExit) else 130
    if code is None:
        os._exit(0)
    if not isinstance(code, int):
        print(code, file=sys.stderr, flush=True)
        code = 1
    os._exit(code & 0xFF)
