"""Takes: what a model writes when the editor asks, and what it writes when it is left alone."""

import msgspec
from msgspec import structs

from storytui.engine.api import (
    Engine,
    EngineError,
    Finished,
    Request,
    Retracted,
    SegmentEnded,
    SegmentPlan,
    Text,
)
from storytui.story.prompt import ANSWER, REASONING
from storytui_train.evaluate.forms import is_hopeless

FREE = "reply"
"""The name of the one segment of a reply that nobody helps with."""
SPARE = 32
"""Tokens that the tags of such a reply may take."""


class Take(msgspec.Struct, frozen=True, kw_only=True):
    """A reply as the editor shows it: the engine wrote the tags."""

    reasoning: str
    answer: str
    why: str
    """Why the answer ended: `closed` by the model, `length`, or `cut`."""
    tokens: int
    """That were sampled."""


class Free(msgspec.Struct, frozen=True, kw_only=True):
    """A reply that the model wrote alone, tags and all."""

    raw: str
    ended: bool
    """Whether the model ended it; otherwise its length did, or nothing could become of it."""


def write_take(engine: Engine, request: Request) -> Take:
    """Have a take written as the editor would.

    Raises:
        EngineError: the engine failed, or was stopped.
    """
    texts: dict[str, str] = {}
    why, tokens = "", 0
    for event in engine.generate(request):
        match event:
            case Text(segment, more):
                texts[segment] = texts.get(segment, "") + more
            case Retracted(segment, kept):
                texts[segment] = texts.get(segment, "")[:kept]
            case SegmentEnded():
                why = event.why
            case Finished():
                tokens = event.statistics.generated_tokens
    if why in ("", "stopped"):
        raise EngineError("the reply was stopped before its end")
    return Take(
        reasoning=texts.get(REASONING.name, ""),
        answer=texts.get(ANSWER.name, ""),
        why=why,
        tokens=tokens,
    )


def free_request(request: Request) -> Request:
    """The same request, its reply one free segment: no tag is written, none ends it.

    It has as much room as the whole reply has, and no least length.
    """
    room = sum(each.tokens for each in request.segments) + SPARE
    alone = SegmentPlan(name=FREE, opening="", closing="", tokens=room, verbatim=True)
    return structs.replace(request, segments=(alone,))


def write_free(engine: Engine, request: Request) -> Free:
    """Have a reply written that nobody helps with; it is left off where its form is lost.

    Args:
        engine: the model's.
        request: as `free_request` makes it.

    Raises:
        EngineError: the engine failed, or was stopped.
    """
    raw, why, hopeless = "", "", False
    for event in engine.generate(request):
        match event:
            case Text(_, more):
                raw += more
                if not hopeless and is_hopeless(raw):
                    hopeless = True
                    engine.stop()
            case Retracted(_, kept):
                raw = raw[:kept]
            case SegmentEnded():
                why = event.why
    if not why or (why == "stopped" and not hopeless):
        raise EngineError("the reply was stopped before its end")
    return Free(raw=raw, ended=why == "closed")
