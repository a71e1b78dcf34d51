"""What the tests of the teacher share: a stand-in with a key, and no long waiting."""

from collections.abc import Callable, Iterator

import pytest
from teacher_stand_in import KEY, StandIn


@pytest.fixture(autouse=True)
def no_long_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The openai client waits half a second before it sends a request again; here less."""
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.005)
    monkeypatch.setattr("openai._base_client.MAX_RETRY_DELAY", 0.02)
    monkeypatch.setenv("STAND_IN_KEY", KEY)


@pytest.fixture
def standing_in() -> Iterator[Callable[..., StandIn]]:
    """Starts stand-ins, and stops them at the end."""
    started: list[StandIn] = []

    def start(**settings: object) -> StandIn:
        started.append(StandIn(**settings).start())  # type: ignore[arg-type]
        return started[-1]

    yield start
    for each in started:
        each.stop()
