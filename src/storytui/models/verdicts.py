"""What the catalogue's models are on a machine: fits fully, fits with less, too big; and the best.

Known offline and before a download, by the shapes that are published; a file's own header or the
Hub's goes before those.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from storytui.engine.api import ModelError
from storytui.models.catalog import CatalogueModel, catalogue
from storytui.models.fit import Fit, Machine, plan
from storytui.models.published import build_shape, files_as_published
from storytui.models.shape import Shape

Origin = Literal["file", "hub", "published", "unknown"]
"""Where a shape is from: the file's header here, the header over the Hub, what is published."""
ENOUGH_CONTEXT = 8_192
"""Tokens of context that a story wants at least."""
_ON_A_CPU = 6
"""The catalogue's size class that a CPU bears: 3 and 4 thousand million parameters."""
_UNKNOWN = "not known before its file has been looked at"
_SLOWLY = "slow without a graphics card"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a model of the catalogue is on a machine."""

    entry: CatalogueModel
    fit: Fit | None
    """How it would be loaded; None: that is not known."""
    origin: Origin
    sentence: str
    """In words, without a full stop."""
    size_bytes: int
    """Of its file: a published one's, else that of the tensors; 0: not known."""
    machine: Machine = field(repr=False)
    mixture: str = ""
    """How the file is quantised that this is about; empty: as the file that was looked at."""
    checked: bool = True
    """Whether all that it is computed from was seen: in a header, or in public documentation."""

    @property
    def fits(self) -> bool:
        """Whether it can be loaded: all of it on the GPU, or all on the CPU where there is none."""
        return self.fit is not None and self.fit.fits

    @property
    def context(self) -> int:
        """Tokens of context that it has then; 0 where it does not fit."""
        return self.fit.choice.context if self.fit is not None and self.fit.fits else 0

    @property
    def files(self) -> tuple[str, ...]:
        """Patterns for the file that this is about, for `gguf_choice.choose_files`."""
        wanted = self.mixture.lower()
        first = self.entry.files[0].lower()
        if not wanted or wanted in first:
            return self.entry.files
        named = tuple(each for each in self.entry.files if wanted in each.lower())
        return named or self.entry.files

    def as_json(self) -> dict[str, object]:
        """What `storytui models list --vram SIZE --json` says of it: the plan that was chosen."""
        chosen = None if self.fit is None else self.fit.as_json()
        if chosen is not None:
            del chosen["tried"]
        return {
            "fits": self.fits,
            "sentence": self.sentence,
            "origin": self.origin,
            "mixture": self.mixture,
            "bytes": self.size_bytes,
            "plan": chosen,
        }


def verdict_of(
    entry: CatalogueModel,
    machine: Machine,
    shape: Shape | None = None,
    *,
    origin: Origin = "file",
    size_bytes: int = 0,
) -> Verdict:
    """What a model is on a machine.

    Args:
        entry: of the catalogue.
        machine: with its card, or without one.
        shape: out of the header of its file; None: as published. Where the file that the catalogue
            wants is too big and it knows a smaller one, the verdict is about that.
        origin: where the shape is from.
        size_bytes: of the file, where that is known.
    """
    if shape is not None:
        try:
            fit = plan(shape, machine)
        except ModelError as error:
            return Verdict(entry, None, origin, str(error).rstrip("."), size_bytes, machine)
        size = size_bytes or shape.file_bytes
        return Verdict(entry, fit, origin, _sentence(fit, machine), size, machine)
    verdicts: list[Verdict] = []
    for file in files_as_published(entry.id):
        built = build_shape(file)
        fit = plan(built, machine)
        sentence = _sentence(fit, machine)
        if verdicts:
            sentence += f", as {file.mixture}"
        size = file.file_bytes or built.file_bytes
        verdicts.append(
            Verdict(entry, fit, "published", sentence, size, machine, file.mixture, file.checked)
        )
        if fit.fits:
            return verdicts[-1]
    if verdicts:
        return verdicts[-1]
    return Verdict(entry, None, "unknown", _UNKNOWN, size_bytes, machine)


def verdicts_of(
    machine: Machine,
    shapes: Mapping[str, Shape] | None = None,
    entries: Sequence[CatalogueModel] | None = None,
    *,
    origin: Origin = "hub",
) -> list[Verdict]:
    """The verdicts on a machine, in the catalogue's order.

    Args:
        machine: with its card, or without one.
        shapes: out of headers that were read, by the catalogue's ids; the others as published.
        entries: of the catalogue; None: the program's own.
        origin: where those shapes are from.
    """
    shapes = shapes or {}
    return [
        verdict_of(each, machine, shapes.get(each.id), origin=origin)
        for each in (catalogue() if entries is None else entries)
    ]


def best_of(verdicts: Sequence[Verdict]) -> Verdict | None:
    """The one to begin with; None: none of them, so the built-in model.

    On a graphics card, of those that are on it wholly with `ENOUGH_CONTEXT`: one trained to
    continue stories, the largest; else, of those in the file that the catalogue wants first, one of
    the largest size class. Where none has that much context, the one with the most. Without a card,
    of the smallest class those that leave half of the memory to everything else, and of them the
    one that takes least: each token reads all the weights, so that is the quickest. What is still
    open then is as the catalogue has it, the first first.

    Args:
        verdicts: of one machine, in the catalogue's order.
    """
    fitting = [each for each in verdicts if each.fits]
    if not fitting:
        return None
    if not fitting[0].machine.gpu:
        bearable = [each for each in fitting if _is_bearable(each)]
        return min(bearable, key=_in_memory, default=None)
    enough = [each for each in fitting if each.context >= ENOUGH_CONTEXT]
    trained = [each for each in enough if each.entry.trained]
    if trained:
        return max(trained, key=lambda each: each.entry.parameters)
    if enough:
        return max(enough, key=lambda each: (each.files == each.entry.files, each.entry.card))
    return max(fitting, key=lambda each: each.context)


def in_order(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """The best first, then what else fits, then what is not known, then what is too big.

    What fits with `ENOUGH_CONTEXT` goes before what has less, trained before untrained, large
    before small (small before large on a CPU and among those that are too big).
    """
    best = best_of(verdicts)

    def rank(verdict: Verdict) -> tuple[bool, int, bool, float]:
        size = verdict.entry.parameters
        if verdict.fits:
            tier = 0 if verdict.context >= ENOUGH_CONTEXT or not verdict.machine.gpu else 1
            size = -size if verdict.machine.gpu else size
        else:
            tier = 2 if verdict.fit is None else 3
        return verdict is not best, tier, not verdict.entry.trained, size

    return sorted(verdicts, key=rank)


# --- words and measures ---------------------------------------------------------------------------


def _sentence(fit: Fit, machine: Machine) -> str:
    return f"{fit.reason}; {_SLOWLY}" if fit.fits and not machine.gpu else fit.reason


def _in_memory(verdict: Verdict) -> int:
    """Bytes that it takes of the machine's memory."""
    return 0 if verdict.fit is None else verdict.fit.choice.parts.total_host


def _is_bearable(verdict: Verdict) -> bool:
    """Whether a CPU bears it, and half of the memory is left."""
    host = verdict.machine.host
    small = verdict.entry.card <= _ON_A_CPU
    return small and (not host or 2 * _in_memory(verdict) <= host)
