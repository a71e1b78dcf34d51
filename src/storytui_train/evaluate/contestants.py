"""The models that are measured: a GGUF by name or path, with or without an adapter over it."""

import contextlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from storytui.engine.adapting import in_force
from storytui.engine.api import Engine, ModelError
from storytui.engine.model_info import Adapter
from storytui.folders import as_typed
from storytui.models.details import details_of
from storytui.models.formats import stored_format
from storytui.models.gguf import look_into
from storytui.models.hub_cache import repository_of
from storytui.story.prompt import AUTO, FORMATS
from storytui.story.visible import visible
from storytui_train.data.teacher.engines import (
    adapter_for,
    fingerprint_of,
    model_to_run,
    open_engine,
)
from storytui_train.errors import EvaluateError, RecipeError, TeacherError

_SCALE = re.compile(r"(.+)@(\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class Contestant:
    """A model that is measured."""

    name: str
    """Fit to be shown; no other one's."""
    path: Path
    adapters: tuple[Adapter, ...]
    identity: str
    """Of its bytes: the sha256 of its file, and of its adapters with their scales."""
    format: str
    """The name of the prompt format that it is asked in."""
    trained: bool
    """Whether it was trained on a format: others hear the story's last words again."""
    learnt: str = ""
    """The format that it was trained on, where it is not the one that it is asked in, which has
    the same tags; empty otherwise."""

    @property
    def bare(self) -> bool:
        """Whether nothing is laid over it."""
        return not self.adapters


OpenContestant = Callable[[Contestant, int], Engine]
"""Opens the engine of a model with so many tokens of context."""


def opening(threads: int = 0) -> OpenContestant:
    """What opens the project's engine on models; see `open_engine`.

    Args:
        threads: on a CPU; 0: one for each physical core.
    """

    def open_contestant(contestant: Contestant, context: int) -> Engine:
        return open_engine(
            contestant.path,
            adapters=contestant.adapters,
            context=min(context, _most_context(contestant.path) or context),
            threads=threads,
            scores=True,
        )

    return open_contestant


def _most_context(path: Path) -> int:
    """Tokens that a model was trained with; 0: it does not say."""
    try:
        return look_into(path)[0].context
    except ModelError as error:
        raise EvaluateError(visible(str(error))) from error


def contestants(wanted: Sequence[str], format: str = AUTO) -> list[Contestant]:
    """Find the models that are named, each once, in their order.

    One that was trained on no prompt format is asked in that of the first that was, so that both
    are asked the same; where none was, in the default one.

    Args:
        wanted: `MODEL` or `MODEL+ADAPTER`, each a name or a path; `@` and a number behind an
            adapter is its scale.
        format: a prompt format's name for all of them; `auto`: as said above.

    Raises:
        RecipeError: no prompt format has that name.
        TeacherError: there is no such model or adapter, or they do not go together.
        EvaluateError: a file cannot be read.
    """
    if format != AUTO and format not in FORMATS:
        known = ", ".join(FORMATS)
        raise RecipeError(
            f"No prompt format is called {visible(format, newlines=False)}; there are: {known}."
        )
    found: list[Contestant] = []
    for each in wanted:
        one = _contestant(each)
        if all(one.identity != other.identity for other in found):
            found.append(replace(one, name=_free(one.name, [other.name for other in found])))
    shared = next((each.format for each in found if each.trained), "")
    return [_asked_in(each, _format_of(each, format, shared)) for each in found]


def _asked_in(contestant: Contestant, format: str) -> Contestant:
    other = contestant.trained and contestant.format != format
    return replace(contestant, format=format, learnt=contestant.format if other else "")


def _format_of(contestant: Contestant, wanted: str, shared: str) -> str:
    """The format that a model is asked in; `shared` is that of the first that was trained."""
    if wanted != AUTO:
        return wanted
    return contestant.format if contestant.trained else shared or contestant.format


def base_of(wanted: str) -> str:
    """A model's name or path without what is laid over it: as it is, where nothing is.

    Raises:
        RecipeError: nothing is named.
        TeacherError: there is no such model.
    """
    model, adapter, _ = _split(wanted)
    its = model_to_run(model)
    if its.adapters:
        return str(its.path)
    return model if adapter else wanted


def _contestant(wanted: str) -> Contestant:
    model, adapter, scale = _split(wanted)
    its = model_to_run(model)
    path = its.path
    try:
        if adapter:
            file = adapter_for(adapter, path)
            said = stored_format(file)
            own = Adapter(path=str(file), scale=scale, prompt_format=said)
            its = replace(its, adapters=(*its.adapters, own))
        known = details_of(
            path,
            repository=repository_of(path),
            file_name=path.name,
            adapters=in_force(its.adapters),
        )
        name = path.stem
        for each in its.adapters:
            name += f" + {Path(each.path).stem}" + ("" if each.scale == 1 else f" × {each.scale:g}")
        identity = fingerprint_of(its)
    except ModelError as error:
        raise EvaluateError(visible(str(error))) from error
    return Contestant(
        name=visible(name, newlines=False),
        path=path,
        adapters=its.adapters,
        identity=identity,
        format=known.prompt_format,
        trained=known.trained_on_format,
    )


def _split(wanted: str) -> tuple[str, str, float]:
    """Model, adapter and its scale: at the last plus sign in front of which a model stands."""
    if not wanted.strip():
        raise RecipeError("A model is named by nothing; built-in is the one that comes along.")
    if as_typed(wanted).is_file():
        return wanted, "", 1.0
    places = [at for at, sign in enumerate(wanted) if sign == "+" and 0 < at < len(wanted) - 1]
    for at in reversed(places):
        with contextlib.suppress(TeacherError):
            model_to_run(wanted[:at])
            return wanted[:at], *_scaled(wanted[at + 1 :])
    return wanted, "", 1.0


def _scaled(adapter: str) -> tuple[str, float]:
    found = _SCALE.fullmatch(adapter)
    if found is None or as_typed(adapter).is_file():
        return adapter, 1.0
    return found[1], float(found[2])


def _free(name: str, taken: Sequence[str]) -> str:
    """A name that no other one has."""
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name} ({number})"
    return found
