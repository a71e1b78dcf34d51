"""What is seen of a training."""

import io
import os

import pytest

from storytui_train.training.progress import BLOCKS, LINES, Moment, Progress, plot


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def moment(step: int, steps: int = 100, memory_of: str = "RAM") -> Moment:
    return Moment(
        step=step,
        steps=steps,
        loss=2.5,
        rate=2e-4,
        speed=412.0,
        memory=1 << 30,
        memory_of=memory_of,
        left=200.0,
    )


def test_a_line_says_loss_rate_speed_memory_and_time_left() -> None:
    assert moment(12).line("▁█") == (
        "step 12/100  loss 2.500  ▁█  rate 0.0002  412 tokens/s  RAM 1.00 GiB  3 min 20 s left"
    )


def test_plain_lines_are_few_where_nobody_looks_at_a_terminal() -> None:
    said: list[str] = []
    stream = io.StringIO()
    progress = Progress(said.append, stream)

    for step in range(1, 1001):
        progress.step(moment(step, 1000), 2.0)
    progress.close()

    assert LINES <= len(said) <= LINES + 2
    assert said[0].startswith("step 1/1,000")
    assert said[-1].startswith("step 1,000/1,000")
    assert stream.getvalue() == ""


def test_on_a_terminal_one_line_is_written_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((60, 24)))
    said: list[str] = []
    stream, seconds = Terminal(), iter(range(1000))
    progress = Progress(said.append, stream, clock=lambda: float(next(seconds)))

    for step in range(1, 6):
        progress.step(moment(step), 3.0 - step / 10)
    shown = stream.getvalue()
    progress.tell("step 5: better")
    progress.close()

    assert shown.count("\r") == 5
    assert "\n" not in shown
    assert all(len(each) <= 59 for each in shown.split("\r"))
    assert BLOCKS[0] in shown
    assert BLOCKS[-1] in shown
    # A line that stays stands by itself.
    assert said == ["step 5: better"]
    assert stream.getvalue().endswith("\r")


def test_the_plot_falls_with_the_loss() -> None:
    assert plot([1.0]) == ""
    falling = plot([10.0 - each for each in range(8)])
    assert falling == "".join(reversed(BLOCKS))
    assert len(plot([float(each % 7) for each in range(1000)])) == 16
    assert plot([2.0, 2.0]) == BLOCKS[0] * 2
