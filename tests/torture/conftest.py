"""How long the long tests take: a short stretch in `make check`, hours in `make torture`."""

import os
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

import pytest

_Item = TypeVar("_Item")


class Budget:
    """The time one of these tests has."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def spent(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() > self._end

    def of(self, items: Iterable[_Item]) -> Iterator[_Item]:
        """As many of the items as the time allows, and one at least."""
        for item in items:
            yield item
            if self.spent:
                return


@pytest.fixture
def budget() -> Budget:
    return Budget(float(os.environ.get("STORYTUI_TORTURE_SECONDS", "20")))
