"""The bytes of a file on the Hub from any place to its end, however often the network breaks off.

Only for the process that talks to the Hub.
"""

import time
from collections.abc import Callable, Iterator, Sequence

from storytui.models.hub.far_file import BrokenOffError, FarFile, pieces
from storytui.models.hub.faults import FaultError, asked_to_wait, explained, is_passing, troubles
from storytui.models.hub.xet import XetFailedError, xet_pieces

GETS_ON = 64 << 10
"""Bytes after which a try counts as one that got on."""
MOST_WAIT = 120.0
"""Seconds; where the Hub asks to wait for longer, she is told so."""
_TRIES_WITHOUT_NETWORK = 2
"""Further tries where the Hub was not reached even once."""


class Stream:
    """A file's bytes, with patience."""

    def __init__(
        self,
        locate: Callable[[], FarFile],
        patience: Sequence[float],
        waiting: Callable[[str, int], None],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """
        Args:
            locate: asks where the bytes come from.
            patience: seconds to wait before each further try, while none gets on.
            waiting: is told what is waited for, and how many bytes of the file are here.
            sleep: waits.
        """
        self._locate = locate
        self._patience = patience
        self._waiting = waiting
        self._sleep = sleep
        self._far: FarFile | None = None
        self._tries = 0
        self._xet_works = True
        self._reached = False

    def located(self) -> FarFile:
        """Where the file is.

        Raises:
            FaultError: the Hub cannot be reached or refuses.
        """
        while True:
            try:
                self._far = self._locate()
                self._reached = True
                return self._far
            except troubles() as error:
                self._wait(error, 0)

    def from_byte(self, begin: int) -> Iterator[bytes]:
        """The bytes from `begin` to the end.

        Raises:
            FaultError: they did not come to the end; what came is good.
        """
        at = begin
        far = self._far or self.located()
        while at < far.size:
            counted = at
            try:
                for piece in self._source(far, at):
                    at += len(piece)
                    yield piece
                    if at - counted >= GETS_ON:
                        self._tries, counted = 0, at
                continue
            except XetFailedError:
                self._xet_works = False
                continue
            except BrokenOffError as error:
                self._wait(error, at)
            except troubles() as error:
                self._wait(error, at)
            # Where the bytes come from may be another place by now.
            far = self._again(at)

    def _again(self, at: int) -> FarFile:
        while True:
            try:
                return self._locate()
            except troubles() as error:
                self._wait(error, at)

    def _source(self, far: FarFile, at: int) -> Iterator[bytes]:
        if far.xet is not None and self._xet_works:
            return xet_pieces(far, at)
        return pieces(far, at, far.size)

    def _wait(self, error: Exception, at: int) -> None:
        """Wait before a further try.

        Raises:
            FaultError: there is none.
        """
        passing = isinstance(error, BrokenOffError) or is_passing(error)
        tries = len(self._patience) if self._reached else _TRIES_WITHOUT_NETWORK
        asked = asked_to_wait(error)
        if not passing or self._tries >= min(tries, len(self._patience)) or asked > MOST_WAIT:
            raise self._given_up(error, at, passing)
        wait = max(self._patience[self._tries], asked)
        self._tries += 1
        self._waiting("the Hub asks to wait" if asked else "the connection broke off", at)
        self._sleep(wait)

    def _given_up(self, error: Exception, at: int, passing: bool) -> FaultError:
        stands = (
            f" {at / 2**20:,.0f} MiB of the file are here, and the next try goes on from there."
            if at
            else ""
        )
        if isinstance(error, BrokenOffError):
            return FaultError(
                f"The connection broke off again and again. Try again later.{stands}", "broken-off"
            )
        fault = explained(error, self._far.repository if self._far else "")
        return FaultError(
            fault.sentence + (stands if passing else ""), fault.trouble, fault.address
        )
