"""The one use case: manuscript and cursor → window → prompt → engine → reply → take.

The editor, the headless command and the bench all go through here.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from storytui.engine.api import Engine, Event, Request, Sampling


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
    sampling: Sampling = Sampling()


def plan(engine: Engine, text: str, offset: int, options: Options) -> Request:
    """The request that continues `text` at character `offset`.

    Raises:
        EngineError: the model cannot be loaded, or its context is too small for the reply.
        UnknownFormatError: no prompt format has that name.
    """
    raise NotImplementedError


def continue_story(engine: Engine, text: str, offset: int, options: Options) -> Iterator[Event]:
    """Continue `text` at character `offset`; events as they come, `Finished` last."""
    yield from engine.generate(plan(engine, text, offset, options))
