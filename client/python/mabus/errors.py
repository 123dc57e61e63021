"""The errors that travel between agents."""

from __future__ import annotations

from typing import Any, Optional


class MabusError(Exception):
    """An error that the caller can act on.

    Raised by a handler, it reaches the caller as it is; any other exception becomes ``failed_precondition`` with the reason
    ``agent_error``. Raised by ``Message.call`` and ``Message.ask``, it is what the other side answered, and may be raised on.

    ``code`` is one of the closed set in docs/protocol.md (an unknown one counts as ``failed_precondition``), ``reason`` is
    finer, ``details`` holds whatever else the error carries.
    """

    def __init__(self, code: str, message: str, reason: str = "", details: Optional[dict[str, Any]] = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = dict(details or {})
        if reason:
            self.details["reason"] = reason

    @property
    def reason(self) -> str:
        """What the error is, finer than its code; empty when nobody said."""
        reason = self.details.get("reason", "")
        return reason if isinstance(reason, str) else ""

    @property
    def maybe_executed(self) -> bool:
        """Whether the work may have happened all the same."""
        return self.details.get("maybe_executed") is True

    def __str__(self) -> str:
        return f"{self.code} ({self.reason}): {self.message}" if self.reason else f"{self.code}: {self.message}"

    def frame(self) -> dict[str, Any]:
        """The error as it goes over the wire."""
        body: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.details:
            body["details"] = self.details
        return body

    @classmethod
    def read(cls, body: Any) -> MabusError:
        """The error of a frame from the host."""
        if not isinstance(body, dict):
            return cls("internal", str(body))
        details = body.get("details")
        return cls(str(body.get("code", "internal")), str(body.get("message", "")), details=details if isinstance(details, dict) else None)


class Cancelled(MabusError):
    """Nobody waits for the message any more: clean up and let it pass. What the handler answers then is dropped."""

    def __init__(self, message: str = "the message was cancelled") -> None:
        super().__init__("cancelled", message)
