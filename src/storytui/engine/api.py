"""What an engine is: requests, events, statistics, and the one family of errors.

An engine takes a user message and a plan of the reply's segments and gives a stream of events.
It knows neither manuscripts nor windows. All calls block; `stop` and `close` may come from any
thread. One generation runs at a time.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from storytui.engine.model_info import Adapter, ModelInfo
from storytui.engine.scores import Scoring


class EngineError(Exception):
    """Something an engine could not do; the message says what, to what, and what to do."""


class ModelError(EngineError):
    """The model file cannot be used."""


class NoModelError(ModelError):
    """No model is chosen, and none is built in."""


class NoRoomError(ModelError):
    """There is not enough memory for the model, loaded as it was to be."""


class AdapterError(ModelError):
    """An adapter's file cannot be used, or not with this model."""


class PromptTooLongError(EngineError):
    """Prompt and reply together do not fit the context."""


class EngineDiedError(EngineError):
    """The process that owned the model ended; the next request starts a new one."""


class EngineGaveUpError(EngineError):
    """The process that owned the model ended several times in a row; a request tries once more."""


class ConsentNeededError(EngineError):
    """Story text would leave for an address that is not her own, and she has not agreed."""

    def __init__(self, host: str) -> None:
        """Say for which host."""
        super().__init__(
            f"Story text would be sent to {host}, which is not a machine of your own. "
            "Agree to that once, or choose another server."
        )
        self.host = host


class Sampling(msgspec.Struct, frozen=True, kw_only=True):
    """How tokens are drawn; names and meaning as in llama.cpp's own tools."""

    seed: int = 0
    """The same seed, settings and model from a cold start give the same text."""
    temperature: float = 0.8
    top_k: int = 0
    """Keep the k likeliest tokens; 0 keeps all."""
    top_p: float = 1.0
    min_p: float = 0.05
    repeat_penalty: float = 1.05
    repeat_last_n: int = 256
    dry_multiplier: float = 0.8
    """Strength of DRY against repeated sequences, those of the prompt included; 0 is off."""
    dry_base: float = 1.75
    dry_allowed_length: int = 2
    dry_last_n: int = 2048
    xtc_probability: float = 0.0
    xtc_threshold: float = 0.1


class SegmentPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One segment of the reply: the engine writes the tags and samples only the text between."""

    name: str
    opening: str
    closing: str
    lead: str = ""
    """Text written before the segment's own, neither shown nor part of it: the story's last words,
    for models that were never trained on the format."""
    prefix: str = ""
    """Text the segment begins with, written and not sampled (a direction opens the reasoning)."""
    words: int | None = None
    """Words asked for; the segment ends at a sentence's end near it. None: as the model likes."""
    minimum_words: int = 0
    """Closing tags and end tokens are masked until the segment has this many words."""
    tokens: int = 512
    """The most tokens the segment may take, grace included."""
    verbatim: bool = False
    """Whether the segment goes on exactly where the story ends: it may begin with white space."""


def opening_of(plan: SegmentPlan) -> str:
    """What the engine writes before it samples a segment."""
    return plan.opening + plan.lead + plan.prefix


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One reply asked for."""

    message: str
    """The one user message; never trusted, never tokenised to control tokens."""
    segments: tuple[SegmentPlan, ...]
    sampling: Sampling
    fixed: int = 0
    """Characters at the message's beginning in which any change has what follows read anew: the
    format's own text, and guidance. What follows them may be moved in the cache."""
    story: int = 0
    """The character of the message at which the story begins. A window that moves on drops text
    right behind it; never less than `fixed`."""
    start: int = 0
    """The character of the manuscript at which the window begins: where it is farther on than
    before, what was dropped at the story's beginning was not deleted."""
    trained: bool = False
    """Whether the model is known to have been trained on the reply's tags. Where an engine cannot
    write them itself, other models have to be told of them."""

    def asks_the_same(self, other: "Request") -> bool:
        """Whether the reply to both would be the same; text may have come before the window."""
        return self == msgspec.structs.replace(other, start=self.start)


HowFar = Literal["off", "read", "think", "write"]
"""What the engine does ahead: nothing, read the prompt, write the reasoning too, or all of it."""


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """How far the engine is with what was to be done ahead."""

    done: int
    """Tokens of the prompt that it has read."""
    total: int
    """Tokens of the prompt; 0 where it was not to be read, since that would cost the last
    continuation's cache."""
    healing: int = 0
    """Tokens that were read after other words than those that stand before them now, and are to
    be read again."""
    thought: bool = False
    """Whether a reply was begun ahead, as far as it was to be."""
    evaluated: int = 0
    """Tokens of the prompt that were evaluated for it so far, healing included."""

    @property
    def up_to_date(self) -> bool:
        """Whether the model has read everything."""
        return self.total > 0 and self.done == self.total


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """What a generation cost. prompt_tokens = reused_tokens + evaluated_tokens."""

    prompt_tokens: int
    reused_tokens: int
    """Tokens of the prompt that stood in the cache already, the moved ones among them."""
    evaluated_tokens: int
    """Tokens of the prompt that were evaluated while she waited."""
    moved_tokens: int = 0
    """Reused tokens that stood elsewhere in the cache when the request came."""
    approximate_tokens: int = 0
    """Tokens of the prompt that were read after other words than those that stand before them now,
    when the reply began; 0: the cache was as from a cold start."""
    generated_tokens: int
    """Tokens sampled; the tags that the engine writes are not among them."""
    first_token_ms: float
    """From the request's arrival to the first sampled token, in milliseconds."""
    tokens_per_second: float
    """Sampled tokens by the time between the first and the last."""


class PromptPart(msgspec.Struct, frozen=True):
    """A stretch of the rendered prompt."""

    text: str
    control: bool
    """True for a control token, which only the chat template can bring."""


class Prompt(msgspec.Struct, frozen=True):
    """A prompt as the model sees it."""

    parts: tuple[PromptPart, ...]
    tokens: int


# --- events, in the order they come -----------------------------------------------------------


class Loading(msgspec.Struct, frozen=True, tag=True):
    """The model is being loaded; only before the first request to a fresh child."""

    fraction: float


class Reading(msgspec.Struct, frozen=True, tag=True):
    """The prompt is being evaluated."""

    done: int
    total: int
    """Tokens of the prompt; `done` counts the reused ones as read. 0: a server reads it, and has
    not said how far it is."""


class SegmentStarted(msgspec.Struct, frozen=True, tag=True):
    """The opening tag was written; text of this segment follows."""

    segment: str


class Text(msgspec.Struct, frozen=True, tag=True):
    """More text of a segment: whole characters, never part of a tag."""

    segment: str
    text: str


class Writing(msgspec.Struct, frozen=True, tag=True):
    """How fast the reply is coming; now and then while it is sampled."""

    tokens: int
    """Tokens sampled so far."""
    tokens_per_second: float


class Retracted(msgspec.Struct, frozen=True, tag=True):
    """The segment was cut back: only its first `kept` characters stand."""

    segment: str
    kept: int


class SegmentEnded(msgspec.Struct, frozen=True, tag=True):
    """A segment is complete."""

    segment: str
    why: str
    """`closed` (by the model), `length` (cut at a sentence's end), `cut` (no sentence's end was
    near), `stopped` (by the writer)."""
    tokens: tuple[int, ...] = ()
    """Tokens of the text that stands, its prefix included: put together, the bytes they stand for
    are that text. As they were sampled, up to where the text was cut."""


class Finished(msgspec.Struct, frozen=True, tag=True):
    """The last event of every generation."""

    stop: str
    """Why the last segment ended: `closed`, `length`, `cut` or `stopped`."""
    statistics: Statistics


Event = Loading | Reading | SegmentStarted | Text | Writing | Retracted | SegmentEnded | Finished


class Engine(Scoring, Protocol):
    """Anything that continues a prompt."""

    def loading(self) -> Iterator[Loading]:
        """Load the model where it is not loaded yet, and say how far that is.

        Ends when the model is loaded or cannot be; `load` then says which.
        """
        ...

    def load(self) -> ModelInfo:
        """Make sure the model is loaded; returns at once where it already is.

        Raises:
            ModelError: the file is missing, broken or does not fit the settings.
        """
        ...

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, tokenised on its own as plain text."""
        ...

    def prompt(self, message: str, opening: str = "") -> Prompt:
        """The prompt as the model sees it, template included, ending in the reply's opening."""
        ...

    def generate(self, request: Request) -> Iterator[Event]:
        """Events of one reply; ends with `Finished`, or raises an EngineError.

        Closing the iterator early stops the generation.
        """
        ...

    def candidates(self, requests: Sequence[Request]) -> Iterator[tuple[int, Event]]:
        """Events of several replies to one prompt, each with its request's number from 0.

        The requests differ in their sampling only. The prompt is evaluated once, and the replies
        are written side by side, or in turn where the context has no room for all of them. Each
        ends with `Finished`; `stop` ends all. Otherwise as `generate`.
        """
        ...

    def stop(self) -> None:
        """End the running generation within one batch; it still ends with `Finished`."""
        ...

    def ahead(
        self, request: Request, how_far: HowFar, *, edited: bool = True, spare: bool = False
    ) -> None:
        """Do in the background what `generate(request)` would begin with; returns at once.

        Replaces what was asked ahead before. An engine that does nothing ahead ignores it.

        Args:
            request: the reply that may be asked for next, its seed included.
            how_far: what is done of it.
            edited: whether the text or what is asked was changed since the last call: then what
                was written ahead is dropped. Where only the cursor moved she may come back to it.
            spare: whether to read nothing that would cost the last continuation's cache: the
                cursor is elsewhere, and only a request there is worth it.
        """
        ...

    def rest(self) -> None:
        """Leave off what is done ahead, within one batch; what was read stays read."""
        ...

    def rebuild(self) -> None:
        """Forget everything that is evaluated: the next reading is from a cold cache."""
        ...

    def adapt(self, adapters: Sequence[Adapter]) -> ModelInfo:
        """Have these adapters work, and no others; the model stays loaded.

        Blocks: a reply that is being written comes to its end first, so whoever is in a hurry
        calls `stop`. What was evaluated and what was begun ahead is forgotten, unless the same
        adapters work as before; whoever wants something done ahead asks again. The adapters stay
        when what owns the model is started again.

        Args:
            adapters: whose files were checked (`storytui.models.adapter_checking`); none: the
                model as it is.

        Raises:
            AdapterError: one cannot be used, or not with this model.
            EngineError: the engine failed, or cannot switch adapters. In every case all is as
                it was before.
        """
        ...

    def on_readiness(self, told: Callable[[Readiness], None]) -> None:
        """Have `told` called, in some thread, when more was done ahead; it must not block."""
        ...

    def warm(self, path: Path, room: int) -> None:
        """Take up the evaluated state kept in a file, if it is there; `close` keeps it there.

        Returns at once. A file that does not fit, or is damaged, is deleted.

        Args:
            path: the file, in a folder that is there.
            room: bytes it may take; where the state is larger, none is kept.
        """
        ...

    def on_death(self, told: Callable[[EngineError], None]) -> None:
        """Have `told` called, in some thread, each time what owns the model dies.

        The error is an EngineDiedError, or an EngineGaveUpError after several in a row. It is told
        whether or not anybody waits for it; `told` must neither block nor raise.
        """
        ...

    def close(self, wait: float = 0.0) -> None:
        """Give everything back; the engine is not used afterwards.

        Args:
            wait: seconds to wait for that at the most, so that another engine finds the memory.
        """
        ...
