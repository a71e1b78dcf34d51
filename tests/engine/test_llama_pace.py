"""Other programs on the same cores are noticed by how long evaluations take."""

from storytui.engine.llama.pace import AGAIN, IN_A_ROW, Pace


def after(*seconds: float) -> Pace:
    pace = Pace()
    for each in seconds:
        pace.took(each)
    return pace


def test_even_evaluations_are_no_crowd() -> None:
    assert not after(*[0.012, 0.013, 0.02] * 20).crowded


def test_a_single_slow_one_is_no_crowd() -> None:
    assert not after(0.01, 0.01, 0.5, 0.01, 0.5, 0.01).crowded


def test_slow_ones_in_a_row_are_a_crowd() -> None:
    assert after(0.01, *[0.5] * IN_A_ROW).crowded


def test_all_threads_are_tried_again_after_a_while() -> None:
    pace = after(0.01, *[0.5] * IN_A_ROW)
    for _ in range(AGAIN):
        assert pace.crowded
        pace.took(0.02)
    assert not pace.crowded


def test_a_larger_batch_is_not_a_slower_one() -> None:
    pace = Pace()
    for amount in (64, 128, 64, 128, 128):
        pace.took(0.004 * amount, amount)
    assert not pace.crowded


def test_what_grows_slower_little_by_little_is_no_crowd() -> None:
    assert not after(*(0.01 * 1.01**n for n in range(400))).crowded
