"""How long a child is waited for, and when one that died is started again."""

from hypothesis import given
from hypothesis import strategies as st

from storytui.engine.patience import LOOKS, Backoff, Deaths, Limits, Patience, wait_before_start

BACKOFF = Backoff()


def test_the_waits_grow_with_the_deaths() -> None:
    waits = [wait_before_start([100.0] * deaths, 100.0, BACKOFF) for deaths in range(7)]
    assert waits == [0, 0, 1, 4, 10, 10, 10]


def test_time_that_has_passed_is_not_waited_again() -> None:
    assert wait_before_start([90.0, 95.0, 100.0], 103.0, BACKOFF) == 1
    assert wait_before_start([90.0, 95.0, 100.0], 199.0, BACKOFF) == 0


def test_deaths_of_long_ago_do_not_count() -> None:
    assert wait_before_start([0.0, 1.0, 2.0, 700.0], 700.0, BACKOFF) == 0


@given(st.lists(st.floats(0, 5000)), st.floats(0, 5000))
def test_no_wait_is_longer_than_the_longest(deaths: list[float], now: float) -> None:
    past = sorted(each for each in deaths if each <= now)
    assert 0 <= wait_before_start(past, now, BACKOFF) <= max(BACKOFF.delays)


def test_a_finished_reply_ends_the_row() -> None:
    deaths = Deaths(BACKOFF)
    assert [deaths.add(now) for now in (1.0, 2.0, 3.0)] == [1, 2, 3]
    deaths.forget()
    assert deaths.wait(3.0) == 0
    assert deaths.add(4.0) == 1


def test_a_row_has_only_the_deaths_of_the_last_minutes() -> None:
    deaths = Deaths(BACKOFF)
    assert [deaths.add(now) for now in (0.0, 300.0, 650.0)] == [1, 2, 2]


def looks(patience: Patience, heard: int, count: int) -> list[str]:
    return [patience.ends(heard) for _ in range(count)]


def test_silence_ends_patience_after_its_limit() -> None:
    patience = Patience(Limits(silence=120.0, standstill=600.0), heard=3)
    told = looks(patience, 3, LOOKS)
    assert not any(told[:-1])
    assert told[-1] == "gave no sign of life for 2 minutes and was ended"


def test_a_sign_of_life_begins_the_silence_anew() -> None:
    patience = Patience(Limits(silence=120.0, standstill=6000.0), heard=0)
    assert not any(looks(patience, 0, LOOKS - 1))
    assert not any(looks(patience, 1, LOOKS))
    assert patience.ends(1)


def test_signs_of_life_alone_are_not_enough() -> None:
    patience = Patience(Limits(silence=120.0, standstill=600.0), heard=0)
    told = [patience.ends(heard) for heard in range(1, 5 * LOOKS + 1)]
    assert not any(told[:-1])
    assert told[-1] == "got no further for 10 minutes and was ended"
