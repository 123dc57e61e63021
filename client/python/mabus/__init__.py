"""Workers for Mabus: agents in Python that an agent host starts.

    from mabus import worker

    def handle(message):
        return message.payload["text"].upper()

    worker.run(handle)
"""

from . import worker
from .errors import Cancelled, MabusError
from .message import Message

__all__ = ["Cancelled", "MabusError", "Message", "worker"]
__version__ = "0.1.0"
