"""The one use case: manuscript and cursor → window → prompt → engine → reply → take.

The editor, the headless command and the bench all go through here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from storytui.engine.api import (
    Engine,
    EngineError,
    Event,
    ModelInfo,
    Prompt,
    PromptTooLongError,
    Request,
    Sampling,
    SegmentPlan,
    opening_of,
)
from storytui.story.prompt import ANSWER, REASONING, PromptFormat, prompt_format
from storytui.story.window import Window, choose_window

MINIMUM_SHARE = 0.8
"""Share of the words asked for before which the answer is not closed."""
MINIMUM_REASONING = 8
"""Words of reasoning before which it is not closed: a bare tag is no thought."""
TOKENS_PER_WORD = 2.0
"""Generous for English (about 1.3) and enough for most languages of longer words."""
GRACE_SHARE = 2.0
"""Room for an answer that finds its sentence's end late."""
TAG_TOKENS = 32
"""Tokens kept free for the tags of each segment."""
LEAD_WORDS = 60
"""Enough of the story for a model that never saw the format to hear its voice."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the writer asks for, beside the place."""

    format: str = "cra-v1"
    direction: str = ""
    """What is to come next: goes into formats that take guidance, opens the reasoning of others."""
    words: int = 120
    """Length of the answer, in words."""
    reasoning_tokens: int = 256
    """The most tokens of reasoning; 0 leaves the reasoning out."""
    lead_words: int = -1
    """The story's last words that are written, unseen, before the answer is sampled; 0: none, as
    models trained on the format want it; -1: none for those, `LEAD_WORDS` for all others."""
    candidates: int = 1
    """How many replies are written side by side; each has the next seed."""
    sampling: Sampling = field(default_factory=Sampling)


@dataclass(frozen=True, slots=True)
class Plan:
    """A request, and the window of the manuscript that it holds."""

    request: Request
    window: Window

    @property
    def opening(self) -> str:
        """The reply's first tag and what is written behind it: the end of the prompt."""
        return opening_of(self.request.segments[0])


class NoStoryError(ValueError):
    """There is no text before the cursor to continue."""


def plan(engine: Engine, text: str, offset: int, options: Options) -> Plan:
    """Plan the reply that continues `text` at character `offset`.

    Raises:
        NoStoryError: nothing but white space stands before the offset.
        EngineError: the model cannot be loaded, or its context is too small for the reply.
        UnknownFormatError: no prompt format has that name.
    """
    form = prompt_format(options.format)
    before = text[:offset]
    if not before.strip():
        raise NoStoryError(
            "There is no story before the cursor yet; write a first sentence to go on from."
        )
    info = engine.load()
    # White space before the cursor is no part of the story yet: how the answer joins is decided
    # when it is taken, and a token of blanks at the end of a prompt misleads the model.
    before = before.rstrip()
    segments = _segments(form, options, _lead(before, options, info))
    guidance = options.direction if form.takes_guidance else ""
    empty = form.user_message("", guidance)
    fixed = engine.prompt(empty, opening_of(segments[0])).tokens
    reply = sum(each.tokens + TAG_TOKENS for each in segments)
    reply += sum(engine.count([opening_of(each) for each in segments[1:]]))
    budget = info.context - fixed - reply
    if budget < 1:
        raise PromptTooLongError(
            f"The context of {info.context:,} tokens has no room for the story beside a reply of "
            f"up to {reply:,}; ask for fewer words or a larger context."
        )
    window = choose_window(before, budget, engine.count)
    request = Request(
        message=form.user_message(window.text, guidance),
        segments=segments,
        sampling=options.sampling,
    )
    return Plan(request, window)


def continue_story(
    engine: Engine, text: str, offset: int, options: Options
) -> Iterator[Event | Plan]:
    """Continue `text` at character `offset`; events as they come, `Finished` last.

    `Loading` comes first where the model is not loaded yet, then the plan of the reply.

    Raises: as `plan`, and EngineError where the engine fails on the way.
    """
    yield from engine.loading()
    planned = plan(engine, text, offset, options)
    yield planned
    yield from engine.generate(planned.request)


def show_prompt(engine: Engine, text: str, offset: int, options: Options) -> Prompt:
    """Exactly what the model would see, up to where it begins to write."""
    planned = plan(engine, text, offset, options)
    return engine.prompt(planned.request.message, planned.opening)


def trained_on_the_format(info: ModelInfo) -> bool:
    """Whether a model was trained on the project's prompt formats, by its name."""
    names = f"{info.name} {Path(info.path).name}".lower()
    return "cra-v1" in names or "storytui" in names


def _lead(before: str, options: Options, info: ModelInfo) -> str:
    """The story's last words, from a word's start to its very end."""
    words = options.lead_words
    if words < 0:
        words = 0 if trained_on_the_format(info) else LEAD_WORDS
    if words == 0:
        return ""
    starts = [match.start() for match in re.finditer(r"\S+", before[-words * 40 :])]
    near = max(0, len(before) - words * 40)
    return before[near + starts[-words:][0] :]


def _segments(form: PromptFormat, options: Options, lead: str) -> tuple[SegmentPlan, ...]:
    plans = []
    direction = "" if form.takes_guidance else _as_sentence(options.direction)
    for segment in form.segments:
        if segment == REASONING:
            if options.reasoning_tokens == 0 and not direction:
                continue
            plans.append(
                SegmentPlan(
                    name=segment.name,
                    opening=segment.opening,
                    closing=segment.closing,
                    prefix=direction,
                    minimum_words=MINIMUM_REASONING,
                    tokens=max(1, options.reasoning_tokens),
                )
            )
        elif segment == ANSWER:
            plans.append(
                SegmentPlan(
                    name=segment.name,
                    opening=segment.opening,
                    closing=segment.closing,
                    lead=lead,
                    words=options.words,
                    minimum_words=round(options.words * MINIMUM_SHARE),
                    tokens=round(options.words * GRACE_SHARE * TOKENS_PER_WORD) + 64,
                )
            )
        else:
            raise EngineError(f"the segment {segment.name} of {form.name} has no plan")
    return tuple(plans)


def _as_sentence(direction: str) -> str:
    """The direction as the reasoning's first sentence."""
    direction = " ".join(direction.split())
    if direction and direction[-1] not in ".!?…":
        direction += "."
    return direction
