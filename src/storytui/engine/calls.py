"""The calls to a child process that wait for its answers; each has an inbox."""

import queue

from storytui.engine.api import EngineError
from storytui.engine.messages import BrokenPipeProtocolError, FromChild

Inbox = queue.SimpleQueue[FromChild | EngineError]


class Calls:
    """The calls of one child; who uses it holds the child's lock."""

    def __init__(self) -> None:
        """Nothing was asked yet."""
        self._open: dict[int, Inbox] = {}
        self._last = 0

    def open(self, call: int) -> Inbox:
        """Where the answers to a call arrive; calls are numbered upwards."""
        self._last = max(self._last, call)
        return self._open.setdefault(call, queue.SimpleQueue())

    def close(self, call: int) -> None:
        """What still arrives for a call is dropped."""
        self._open.pop(call, None)

    def answered(self, call: int, message: FromChild) -> None:
        """An answer came.

        Raises:
            BrokenPipeProtocolError: nobody has asked.
        """
        if not 0 < call <= self._last:
            raise BrokenPipeProtocolError("an answer came to what nobody asked")
        inbox = self._open.get(call)
        if inbox is not None:
            inbox.put(message)

    def end(self, error: EngineError) -> None:
        """No more answers come, and this is why."""
        for inbox in self._open.values():
            inbox.put(again(error))


def again(error: EngineError) -> EngineError:
    """The same error once more: each thread raises its own."""
    return type(error)(*error.args)
