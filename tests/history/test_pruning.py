"""Which versions go as they grow old."""

from hypothesis import given
from hypothesis import strategies as st

from storytui.manuscript.pruning import DAY, HOUR, WEEK, YEAR, Kept, dispensable, thinned

NOW = 3000 * WEEK
WORK, ACCEPTED, SAVED = 0, 2, 4


def staying(ages: list[float], significance: int = WORK) -> list[float]:
    """Ages, oldest first, of those that stay of as many versions."""
    kept = [Kept(number, NOW - age, significance) for number, age in enumerate(ages)]
    gone = dispensable(kept, NOW)
    return [NOW - each.at for each in kept if each.number not in gone]


def every(seconds: float, begin: float, end: float) -> list[float]:
    """Ages from `begin` down to `end`."""
    return [begin - step * seconds for step in range(int((begin - end) / seconds))]


def test_the_last_day_stays_whole() -> None:
    ages = every(300, DAY, 0)
    assert staying(ages) == ages


def test_of_a_day_with_very_many_stages_of_work_the_newest_500_stay() -> None:
    ages = every(10, HOUR * 3, 0)
    assert staying(ages)[-500:] == ages[-500:]
    assert len(staying(ages)) <= 500 + 4


def test_every_save_of_the_last_day_stays() -> None:
    ages = every(10, HOUR * 3, 0)
    assert staying(ages, SAVED) == ages


def test_then_one_an_hour_stays_for_a_week() -> None:
    ages = every(600, WEEK, DAY)
    assert len(staying(ages)) in range(6 * 24, 6 * 24 + 3)


def test_then_one_a_day_stays_for_a_year() -> None:
    ages = every(6 * HOUR, YEAR, WEEK)
    assert len(staying(ages)) in range(358, 358 + 3)


def test_then_one_a_week_stays_for_ever() -> None:
    ages = every(DAY, 10 * YEAR, YEAR)
    assert len(staying(ages)) in range(9 * 52, 9 * 52 + 8)


def test_of_an_hour_the_most_telling_stays() -> None:
    begin = (NOW - 3 * DAY) // HOUR * HOUR
    kept = [
        Kept(number, begin + 60 * number, significance)
        for number, significance in enumerate([WORK, SAVED, SAVED, ACCEPTED, WORK])
    ]
    kept = [Kept(-1, begin - WEEK, WORK), *kept, Kept(9, NOW, WORK)]

    assert {each.number for each in kept} - dispensable(kept, NOW) == {-1, 2, 9}


versions = st.lists(
    st.tuples(st.floats(0, 3 * YEAR), st.sampled_from([WORK, ACCEPTED, SAVED])), max_size=60
).map(
    lambda found: [
        Kept(number, NOW - age, significance)
        for number, (age, significance) in enumerate(sorted(found, reverse=True))
    ]
)


@given(versions)
def test_the_first_and_the_newest_always_stay(kept: list[Kept]) -> None:
    ends = {each.number for each in (*kept[:1], *kept[-1:])}
    assert not ends & dispensable(kept, NOW)
    assert not ends & thinned(kept)


@given(versions)
def test_pruning_twice_is_pruning_once(kept: list[Kept]) -> None:
    gone = dispensable(kept, NOW)
    assert not dispensable([each for each in kept if each.number not in gone], NOW)


@given(versions)
def test_thinning_goes_on_until_two_are_left(kept: list[Kept]) -> None:
    while gone := thinned(kept):
        kept = [each for each in kept if each.number not in gone]
    assert len(kept) <= 2


def test_thinning_takes_from_the_older_half_what_tells_less() -> None:
    significances = [WORK, SAVED, WORK, WORK, SAVED, SAVED, WORK, WORK, WORK, WORK]
    kept = [Kept(number, NOW, each) for number, each in enumerate(significances)]

    assert thinned(kept) == {2, 3}
