"""A reply's events, and scores, on their way out of the process: those of a moment together."""

import time
from collections.abc import Callable, Iterator

from storytui.engine.api import Event, Reading, SegmentStarted, Text
from storytui.engine.messages import Events, Scores
from storytui.engine.scores import Scored

FLUSH_SECONDS = 0.05
"""Events are sent together for so long: each message wakes the editor, which shares the CPU."""


def forward(run: int, events: Iterator[tuple[int, Event]], send: Callable[[Events], None]) -> None:
    """Send events as they come, those of a moment together.

    Args:
        run: the number that they carry.
        events: each with its request's number.
        send: sends a message.
    """
    waiting: dict[int, list[Event]] = {}

    def flush() -> None:
        for number, together in waiting.items():
            send(Events(run, together, number))
        waiting.clear()

    due = 0.0
    for number, event in events:
        waiting.setdefault(number, []).append(event)
        now = time.perf_counter()
        if isinstance(event, SegmentStarted):
            # Its first words are waited for.
            due = now
        often = isinstance(event, Text | Reading)
        if not often or now >= due:
            flush()
        if often and now >= due:
            due = now + FLUSH_SECONDS
    flush()


def forward_scores(
    run: int, steps: Iterator[Scored | None], send: Callable[[Scores], None]
) -> None:
    """Send scores as they come, and a message without any after a batch that brought none.

    Args:
        run: the number that they carry.
        steps: the scores, and None for each batch in between.
        send: sends a message.
    """
    for each in steps:
        send(Scores(run, [] if each is None else [each]))
    send(Scores(run, [], over=True))
