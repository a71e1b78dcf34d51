"""What is asked of the model: the settings, the direction, and a seed."""

import random

import msgspec

from storytui.continuing import Options
from storytui.engine.api import Sampling
from storytui.settings import Settings

NEW_SEEDS = 1_000_000
"""New seeds are below this: short enough to be read and typed again."""


def options(settings: Settings, *, direction: str, words: int, earlier: int = 0) -> Options:
    """What is asked for one take.

    Args:
        settings: the settings in force.
        direction: what is to come next.
        words: the length of the answer, in words.
        earlier: how many takes the place has; where the settings fix the seed, each take of a
            place gets the next one, so that trying again brings something else.
    """
    fixed = settings.sampling.seed
    seed = random.randrange(NEW_SEEDS) if fixed < 0 else fixed + earlier
    return Options(
        format=settings.continuing.format,
        direction=direction,
        words=words,
        reasoning_tokens=settings.continuing.reasoning_tokens,
        lead_words=settings.continuing.lead_words,
        sampling=Sampling(**msgspec.structs.asdict(settings.sampling) | {"seed": seed}),
    )
