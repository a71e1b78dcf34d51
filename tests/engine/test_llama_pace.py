"""Other programs on the same cores are noticed by the processor time that is missing."""

from storytui.engine.llama.pace import AGAIN, LONG, Pace


def after(*shares: float, seconds: float = 0.01, threads: int = 2) -> Pace:
    pace = Pace()
    for share in shares:
        pace.took(seconds, share * seconds * threads, threads)
    return pace


def test_threads_that_could_run_are_no_crowd() -> None:
    assert not after(*[1.0, 0.9, 1.08] * 20).crowded


def test_a_single_short_evaluation_is_no_crowd() -> None:
    assert not after(1.0, 0.5, 1.0, 0.5, 1.0).crowded


def test_two_in_a_row_are_a_crowd() -> None:
    assert after(1.0, 0.6, 0.6).crowded


def test_a_long_one_is_enough() -> None:
    assert after(0.6, seconds=LONG).crowded


def test_all_threads_are_tried_again_after_a_while() -> None:
    pace = after(0.6, 0.6)
    for _ in range(AGAIN):
        assert pace.crowded
        pace.took(0.02, 0.01, 1)
    assert not pace.crowded
