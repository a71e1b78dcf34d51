"""The near half of the talk with the Hub: starts the process, hears its answers, ends it."""

import contextlib
import subprocess
import sys
import threading
from collections.abc import Generator, Sequence
from typing import TypeVar

import msgspec

from storytui.models.hub.errors import HubError
from storytui.models.hub.messages import Answer, Fault, Order, Progress
from storytui.models.hub.place import HubPlace

COMMAND = (sys.executable, "-P", "-X", "utf8", "-m", "storytui.models.hub.child")
"""What runs as the process. -P: a file in the folder where she writes is not imported."""
MOST_ANSWER = 64 << 20
"""Bytes of one line that are read."""

_answer = msgspec.json.Decoder(Answer)
_order = msgspec.json.Encoder()
_Last = TypeVar("_Last", bound=Answer)


class HubProcess:
    """One order, carried out in a process of its own."""

    def __init__(self, place: HubPlace, order: Order, command: Sequence[str] = COMMAND) -> None:
        self._place = place
        self._order = order
        self._command = command
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = False

    def answers(self) -> Generator[Answer, None, None]:
        """What it says, up to the last. Blocks between answers.

        Raises:
            HubError: it says that nothing came of it, or ends without saying anything, or `end`
                was called.
        """
        self._place.talks.begins(self)
        try:
            yield from self._answers()
        finally:
            self._place.talks.is_over(self)

    def _answers(self) -> Generator[Answer, None, None]:
        with self._lock:
            if self._ended:
                raise _cancelled()
            process = self._process = self._started()
        assert process.stdin is not None
        assert process.stdout is not None
        last = False
        try:
            while not last and (line := process.stdout.readline(MOST_ANSWER)):
                answer = _understood(line)
                if isinstance(answer, Fault):
                    raise HubError(answer.sentence, answer.trouble, answer.address)
                if answer is not None:
                    last = not isinstance(answer, Progress)
                    yield answer
            if last:
                return
            if self._ended:
                raise _cancelled()
            raise HubError(
                "The talk with the Hub ended without an answer. Try again; what was fetched "
                "before is not lost."
            )
        finally:
            # Killed: it may sit in a request that nobody waits for any more.
            process.kill()
            process.wait()
            with contextlib.suppress(OSError):  # what it never read is still to be written
                process.stdin.close()
            process.stdout.close()

    def end(self) -> None:
        """End it at once, from any thread; it may be called again, or before it began."""
        with self._lock:
            self._ended = True
            if self._process is not None:
                self._process.kill()

    def _started(self) -> subprocess.Popen[bytes]:
        try:
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=dict(self._place.environment),
                # ctrl+c on a terminal is for this half to act on.
                start_new_session=True,
            )
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise HubError(
                f"The Hub cannot be asked: no process can be started ({reason}). "
                "Close other programs and try again."
            ) from error
        assert process.stdin is not None
        # Where it has ended already, reading says so.
        with contextlib.suppress(OSError):
            # Left open: the process ends when it closes, whatever becomes of this one.
            process.stdin.write(_order.encode(self._order) + b"\n")
            process.stdin.flush()
        return process


def answer_to(
    place: HubPlace, order: Order, kind: type[_Last], command: Sequence[str] = COMMAND
) -> _Last:
    """The answer to an order that is not watched on its way.

    Raises:
        HubError: nothing came of it.
    """
    for answer in HubProcess(place, order, command).answers():
        if isinstance(answer, kind):
            return answer
    raise HubError("The talk with the Hub brought an answer to another question. Try again.")


def _understood(line: bytes) -> Answer | None:
    """An answer; None for what was not said by our half: half a line, a library's own words."""
    try:
        answer: Answer = _answer.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    return answer


def _cancelled() -> HubError:
    return HubError("It was cancelled.", "cancelled")
