"""The one use case: manuscript and cursor → window → prompt → engine → reply → take.

The editor, the headless command and the bench all go through here.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from msgspec import structs

from storytui.engine.api import (
    Engine,
    EngineError,
    Event,
    Prompt,
    PromptTooLongError,
    Request,
    Sampling,
    SegmentPlan,
    opening_of,
)
from storytui.engine.model_info import ModelInfo
from storytui.manuscript.reading_places import ReadingPlaces
from storytui.models.formats import format_in_use
from storytui.story.cursor import LATER_CHARACTERS, context_end, story_end, what_follows
from storytui.story.prompt import (
    ANSWER,
    AUTO,
    REASONING,
    PromptFormat,
    prompt_format,
)
from storytui.story.window import Window, choose_window, text_at_the_end

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
_LONG_WORD = 40
"""Characters that a word of the lead may have, its white space included, on average."""
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Options:
    """What the writer asks for, beside the place."""

    format: str = AUTO
    """A prompt format's name; `auto`: the one that suits the model."""
    direction: str = ""
    """What is to come next: goes into formats that take it, opens the reasoning of others."""
    notes: str = ""
    """The story's standing notes; only for formats that take them."""
    later_characters: int = LATER_CHARACTERS
    """How much of what follows the place goes into formats that take it; 0: nothing."""
    words: int = 120
    """Length of the answer, in words."""
    room: int = 0
    """The most tokens of the answer; 0: as many as so many words may take, with some to spare. For
    who knows the answer, as one does that is to be scored."""
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
    format: str
    """The prompt format's name."""

    @property
    def opening(self) -> str:
        """The reply's first tag and what is written behind it: the end of the prompt."""
        return opening_of(self.request.segments[0])


class NoStoryError(ValueError):
    """There is no text before the cursor to continue."""


def plan(
    engine: Engine,
    text: str,
    offset: int,
    options: Options,
    places: ReadingPlaces | None = None,
    *,
    remember: bool = True,
) -> Plan:
    """Plan the reply that continues `text` at character `offset`.

    Args:
        engine: counts tokens.
        text: the manuscript.
        offset: the place, in characters.
        options: what is asked for.
        places: where this manuscript's windows began; None chooses each window anew.
        remember: whether the window's start is remembered there. Not where a reply is only
            prepared since the cursor passes by: she will be back where she was.

    Raises:
        NoStoryError: nothing but white space stands before the offset.
        EngineError: the model cannot be loaded, or its context is too small for the reply.
        UnknownFormatError: no prompt format has that name.
    """
    if options.format != AUTO:
        prompt_format(options.format)
    if story_end(text, offset) == 0:
        raise NoStoryError(
            "There is no story before the cursor yet; write a first sentence to go on from."
        )
    info = engine.load()
    chosen = format_in_use(options.format, info)
    form = prompt_format(chosen.name)
    end = context_end(text, offset, form)
    given = _given(form, text, offset, options)
    segments = _segments(form, options, _lead(text, end, options, trained=chosen.trained))
    budget = _budget(engine, info, form, given, segments, text_at_the_end(text, end))
    starts = () if places is None else places.starts()
    window = choose_window(text, budget, engine.count, starts, end=end)
    if places is not None and remember:
        places.remember(window.mark, window.remembered)
    message = form.render(window.text, **given)
    request = Request(
        message=message.text,
        segments=segments,
        sampling=options.sampling,
        fixed=message.fixed,
        story=message.story,
        start=window.start,
        trained=chosen.trained,
    )
    return Plan(request, window, form.name)


def continue_story(
    engine: Engine, text: str, offset: int, options: Options, places: ReadingPlaces | None = None
) -> Iterator[Event | Plan]:
    """Continue `text` at character `offset`; events as they come, `Finished` last.

    `Loading` comes first where the model is not loaded yet, then the plan of the reply.

    Raises: as `plan`, and EngineError where the engine fails on the way.
    """
    yield from engine.loading()
    planned = plan(engine, text, offset, options, places)
    yield planned
    yield from engine.generate(planned.request)


def continue_side_by_side(
    engine: Engine, text: str, offset: int, options: Options, places: ReadingPlaces | None = None
) -> Iterator[tuple[int, Event | Plan]]:
    """Continue `text` at character `offset` in several ways; each event with its reply's number.

    There are `options.candidates` replies, numbered from 0, each with the next seed. `Loading`
    comes first and is numbered 0, as is the plan, which all of them share but for the seed. Each
    reply ends with its `Finished`.

    Raises: as `continue_story`.
    """
    for loading in engine.loading():
        yield 0, loading
    planned = plan(engine, text, offset, options, places)
    yield 0, planned
    yield from engine.candidates(requests_side_by_side(planned.request, options.candidates))


def requests_side_by_side(request: Request, candidates: int) -> list[Request]:
    """The same request several times, each with the next seed."""
    return [
        structs.replace(
            request,
            sampling=structs.replace(request.sampling, seed=request.sampling.seed + number),
        )
        for number in range(candidates)
    ]


def show_prompt(
    engine: Engine, text: str, offset: int, options: Options, places: ReadingPlaces | None = None
) -> Prompt:
    """Exactly what the model would see, up to where it begins to write."""
    planned = plan(engine, text, offset, options, places, remember=False)
    return engine.prompt(planned.request.message, planned.opening)


class _Given(TypedDict):
    """What a message is rendered with, besides the story."""

    notes: str
    later: str
    direction: str
    words: int


def _given(form: PromptFormat, text: str, offset: int, options: Options) -> _Given:
    """What the format takes of what there is."""
    return _Given(
        notes=options.notes if form.takes_notes else "",
        later=what_follows(text, offset, options.later_characters) if form.takes_later else "",
        direction=options.direction if form.takes_direction else "",
        words=options.words if form.takes_length else 0,
    )


def _budget(
    engine: Engine,
    info: ModelInfo,
    form: PromptFormat,
    given: _Given,
    segments: Sequence[SegmentPlan],
    growing: str,
) -> int:
    """Tokens that are left for the story.

    An engine that remembers counts is asked once: all that changes while she types is the lead
    and the growing paragraph, which the window is to have counted, so they are counted together.

    Raises:
        PromptTooLongError: none are left.
    """
    first = segments[0]
    fixed = engine.prompt(form.render("", **given).text, first.opening + first.prefix).tokens
    written = [each for each in (first.lead, *map(opening_of, segments[1:])) if each]
    reply = sum(each.tokens + TAG_TOKENS for each in segments)
    reply += sum(engine.count([*written, growing])[: len(written)])
    budget = info.context - fixed - reply
    if budget < 1:
        what = "the story and its notes" if given["notes"] else "the story"
        shorter = "shorten the notes, " if given["notes"] else ""
        raise PromptTooLongError(
            f"The context of {info.context:,} tokens has no room for {what} beside a reply of "
            f"up to {reply:,}; {shorter}ask for fewer words or a larger context."
        )
    return budget


def _lead(text: str, end: int, options: Options, *, trained: bool) -> str:
    """The story's last words, from a word's start to its very end."""
    words = options.lead_words
    if words < 0:
        words = 0 if trained else LEAD_WORDS
    if words == 0:
        return ""
    near = max(0, end - words * _LONG_WORD)
    starts = [found.start() for found in _WORD.finditer(text, near, end)]
    return text[starts[-words:][0] : end] if starts else ""


def _segments(form: PromptFormat, options: Options, lead: str) -> tuple[SegmentPlan, ...]:
    plans = []
    direction = "" if form.takes_direction else _as_sentence(options.direction)
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
                    verbatim=form.verbatim,
                    words=options.words,
                    minimum_words=round(options.words * MINIMUM_SHARE),
                    tokens=options.room
                    or round(options.words * GRACE_SHARE * TOKENS_PER_WORD) + 64,
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
