"""What training really took on this machine, kept in a small file to correct the next plan.

The file is a convenience: one that is missing or broken costs exactness and nothing else. Figures
of one kind of device never speak for another.
"""

import contextlib
from pathlib import Path

import msgspec

from storytui.folders import remembered
from storytui.models.remembering import put_in_place
from storytui_train.training.memory_plan import Plan, Settings
from storytui_train.training.trained_shape import TrainedShape

VERSION = "peaks-1"
LEAST, MOST = 0.5, 2.0
"""Between these the measured part of what was planned can be; anything else is not believed."""
_MOST_RECORDS = 200
_MOST_BYTES = 1 << 20


class Peak(msgspec.Struct, frozen=True, kw_only=True):
    """What one run took."""

    shape: str
    """`TrainedShape.key`."""
    settings: str
    """Those that decide about memory, but for the sequence."""
    sequence: int
    planned: int
    """Bytes of the device."""
    measured: int
    """Bytes that the run took of the device at the most, all in all."""

    @property
    def factor(self) -> float:
        """Measured bytes divided by planned ones."""
        return self.measured / self.planned if self.planned > 0 else 0.0

    @property
    def can_be(self) -> bool:
        """Whether it is believed."""
        return self.sequence > 0 and LEAST <= self.factor <= MOST


class Correction(msgspec.Struct, frozen=True):
    """What earlier runs say about a plan."""

    factor: float
    sequence: int
    """Of the run that it is from."""


class _File(msgspec.Struct, frozen=True):
    version: str
    peaks: list[Peak]


def peaks_file() -> Path | None:
    """Where they are kept: `peaks.json` in the state folder; None where nothing can be."""
    return remembered("peaks.json")


def keep_peak(path: Path | None, plan: Plan, measured: int) -> bool:
    """Keep what a run took; the same run's earlier figure goes.

    Args:
        path: the file; None keeps nothing.
        plan: of the run, before any correction.
        measured: bytes of the device at the most: on a GPU all that this process took of it, on a
            CPU what the program's memory grew by.

    Returns:
        Whether it was kept; a figure that cannot be is not.
    """
    peak = Peak(
        shape=plan.shape.key,
        settings=settings_key(plan.settings),
        sequence=plan.settings.sequence,
        planned=plan.planned,
        measured=measured,
    )
    if path is None or not peak.can_be:
        return False
    others = [each for each in _read(path) if _run_of(each) != _run_of(peak)]
    body = msgspec.json.encode(_File(VERSION, [*others, peak][-_MOST_RECORDS:]))
    with contextlib.suppress(OSError):
        put_in_place(path, body)
        return True
    return False


def correction(path: Path | None, shape: TrainedShape, settings: Settings) -> Correction | None:
    """What was measured of this shape with these settings; None: nothing was.

    Of runs with other sequences the one that is nearest counts.
    """
    if path is None:
        return None
    key, wanted = settings_key(settings), settings.sequence
    known = [each for each in _read(path) if (each.shape, each.settings) == (shape.key, key)]
    if not known:
        return None
    nearest = min(known, key=lambda each: abs(each.sequence - wanted))
    return Correction(nearest.factor, nearest.sequence)


def settings_key(settings: Settings) -> str:
    """The same for settings that differ in their sequence alone."""
    pattern = ",".join(f"{key}:{rank}" for key, rank in sorted(settings.rank_pattern.items()))
    return " ".join(
        (
            *(settings.device, settings.quantisation, settings.compute, settings.optimizer),
            *(f"rank={settings.rank}", f"pattern={pattern}", f"rows={settings.rows_at_once}"),
            *(f"loss={settings.loss_rows}", f"inputs={settings.checkpointing}"),
            *(f"embeddings={settings.embeddings}", f"dropout={settings.dropout > 0}"),
        )
    )


def _run_of(peak: Peak) -> tuple[str, str, int]:
    return (peak.shape, peak.settings, peak.sequence)


def _read(path: Path) -> list[Peak]:
    try:
        with path.open("rb") as file:
            found = msgspec.json.decode(file.read(_MOST_BYTES), type=_File)
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
        return []
    return [each for each in found.peaks if each.can_be] if found.version == VERSION else []
