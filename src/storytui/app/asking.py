"""What is asked of the model: the settings, the direction, and a seed."""

import random
from dataclasses import asdict, replace
from hashlib import sha256

import msgspec

from storytui.continuing import Options
from storytui.engine.api import Sampling
from storytui.engine.model_info import ModelInfo
from storytui.models.formats import format_in_use
from storytui.settings import Settings
from storytui.story.prompt import AUTO, prompt_format
from storytui.takes.take import Take

NEW_SEEDS = 1_000_000
"""New seeds are below this: short enough to be read and typed again."""


def new_seed() -> int:
    """A seed by chance."""
    return random.randrange(NEW_SEEDS)


def options(
    settings: Settings,
    *,
    direction: str,
    words: int,
    notes: str = "",
    candidates: int = 1,
    earlier: int = 0,
    seed: int = 0,
) -> Options:
    """What is asked for one take, or several side by side.

    Args:
        settings: the settings in force.
        direction: what is to come next.
        words: the length of the answer, in words.
        notes: the standing notes; formats that take none leave them out.
        candidates: how many takes.
        earlier: how many takes the place has; where the settings fix the seed, each take of a
            place gets the next one, so that trying again brings something else.
        seed: where the settings fix none; the caller draws it, since what is done ahead is of
            use to a request of the same seed only.
    """
    fixed = settings.sampling.seed
    seed = seed if fixed < 0 else fixed + earlier
    return Options(
        format=settings.continuing.format,
        direction=direction,
        words=words,
        reasoning_tokens=settings.continuing.reasoning_tokens,
        lead_words=settings.continuing.lead_words,
        notes=notes,
        candidates=candidates,
        sampling=Sampling(**msgspec.structs.asdict(settings.sampling) | {"seed": seed}),
    )


def side_by_side(asked: Options) -> tuple[Options, ...]:
    """What is asked for each of the takes that are written side by side."""
    return tuple(
        replace(
            asked,
            candidates=1,
            sampling=msgspec.structs.replace(asked.sampling, seed=asked.sampling.seed + number),
        )
        for number in range(asked.candidates)
    )


def notes_left_out(wanted: str, notes: str, model: ModelInfo | None) -> str:
    """Why the model is not given the standing notes, as a sentence; empty where it is.

    Args:
        wanted: the prompt format of the settings.
        notes: the notes.
        model: the model, where it is loaded.
    """
    name = _format(wanted, model)
    if not name or not notes.strip() or prompt_format(name).takes_notes:
        return ""
    return f"The model is not given these notes: its prompt format, {name}, has no place for them."


def disagreement(settings: Settings, model: ModelInfo) -> str:
    """What the adapters over a model say against one another, as a sentence; empty: nothing."""
    return format_in_use(settings.continuing.format, model).disagreement


def _format(wanted: str, model: ModelInfo | None) -> str:
    """The prompt format's name; empty where the model is still to say it."""
    if model is not None:
        return format_in_use(wanted, model).name
    return "" if wanted == AUTO else wanted


def take_asked_for(asked: Options, model: ModelInfo | None, model_hash: str, before: str) -> Take:
    """The take that is to come of it, with what is needed to make it again.

    Args:
        asked: what is asked for.
        model: the model, where it is loaded already.
        model_hash: the SHA-256 of its file; empty where it is not known yet.
        before: the manuscript up to the place.
    """
    settings = asdict(asked) | {"sampling": msgspec.structs.asdict(asked.sampling)}
    # They stand in the prompt.
    del settings["notes"]
    if model is not None:
        where = {"server": model.backend} if model.remote else {"gpu_layers": model.gpu_layers}
        settings |= {"context": model.context, **where}
        if model.adapter:
            settings |= {"adapter": model.adapter, "adapter_scale": model.adapter_scale}
    return Take(
        place=len(before),
        before_hash=sha256(before.encode("utf-8", "surrogatepass")).hexdigest(),
        settings=msgspec.json.encode(settings).decode(),
        seed=asked.sampling.seed,
        model="" if model is None else model.name,
        model_path="" if model is None else model.path,
        model_hash=model_hash,
        format=_format(asked.format, model),
        direction=asked.direction,
        words=asked.words,
    )
