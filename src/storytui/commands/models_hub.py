"""`storytui models search|add`: models of the Hugging Face Hub."""

import argparse
import json
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import msgspec

from storytui import folders
from storytui.commands.printing import write
from storytui.models.catalog import catalogue, entry_for
from storytui.models.hub.asking import repository, search
from storytui.models.hub.download import Download
from storytui.models.hub.errors import HubError
from storytui.models.hub.messages import Progress
from storytui.models.hub.place import HubPlace, hub_place
from storytui.models.hub.records import HubModel, total
from storytui.settings import Settings
from storytui.story.visible import visible

USUAL = (
    *("*q4_k_m*.gguf", "*q4_k_s*.gguf", "*q4*.gguf", "*q5*.gguf", "*q6*.gguf", "*q8_0*.gguf"),
    "*.gguf",
)
"""Patterns for the file of a repository that the catalogue does not know."""
_ON_THE_HUB = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)(?::(?P<file>.+))?", re.ASCII)
_KIND = re.compile(r"[A-Za-z0-9_-]+")
_TOLD_EVERY = 0.1
"""Share of the whole after which a line is written where no line can be rewritten."""


@dataclass(frozen=True, slots=True)
class OnTheHub:
    """A model there, as she named it."""

    repository: str
    patterns: tuple[str, ...]
    """For its file, the best first."""


def on_the_hub(what: str) -> OnTheHub | None:
    """A model of the Hub by what she typed; None where that names none.

    Args:
        what: an id of the catalogue, or owner/name, with `:` and a file's name, a pattern for it,
            or a kind like Q4_K_M behind it.
    """
    known = next((each for each in catalogue() if each.id == what.strip().lower()), None)
    if known is not None:
        return OnTheHub(known.repository, known.files)
    match = _ON_THE_HUB.fullmatch(what.strip())
    if match is None:
        return None
    name, file = match["repository"], match["file"]
    if not file:
        entry = entry_for(repository=name)
        same = entry is not None and entry.repository.lower() == name.lower()
        return OnTheHub(name, entry.files if entry is not None and same else USUAL)
    return OnTheHub(name, (file, f"*{file}*.gguf") if _KIND.fullmatch(file) else (file,))


def place_of_hub(settings: Settings, hashes: Path | None = None) -> HubPlace:
    """The Hub, as environment and settings have it.

    Args:
        settings: hers.
        hashes: where the hashes of models are kept; None: where the editor keeps them.
    """
    return hub_place(
        os.environ,
        Path.home(),
        sys.platform,
        xet=settings.models.xet,
        hashes=hashes or folders.model_hashes(),
    )


def run_search(options: argparse.Namespace, settings: Settings) -> int:
    """Print the repositories of GGUF files that hold the words; 1 where there is none.

    Raises:
        HubError: the Hub cannot be asked.
    """
    found = search(place_of_hub(settings), " ".join(options.query), options.limit)
    if options.json:
        listing = {"models": msgspec.to_builtins(found)}
        write(sys.stdout, json.dumps(listing, ensure_ascii=False) + "\n")
        return 0 if found else 1
    if not found:
        write(sys.stdout, "The Hub has no GGUF repository of that name. Try fewer words.\n")
        return 1
    lines = [line for each in found for line in _about(each)]
    lines.append("Get one with: storytui models add OWNER/NAME")
    write(sys.stdout, "\n".join(lines) + "\n")
    return 0


def run_add_from_hub(wanted: OnTheHub, settings: Settings) -> Path:
    """Get a model, and say how far it is; returns its file.

    Raises:
        ModelError: there is none, or it did not come to its end; also where she ended it.
    """
    place = place_of_hub(settings)
    record = repository(place, wanted.repository)
    files = record.chosen(wanted.patterns)
    name = visible(files[0].name, newlines=False)
    parts = f" in {len(files)} parts" if len(files) > 1 else ""
    licence = f", {visible(record.licence, newlines=False)}" if record.licence else ""
    write(sys.stderr, f"{wanted.repository}: {name}, {size(total(files))}{parts}{licence}\n")
    return followed(Download(place, wanted.repository, [each.name for each in files]), sys.stderr)


def followed(running: Download, out: TextIO) -> Path:
    """Follow a download to its end; returns the model's file.

    On a terminal one line is written again and again; elsewhere a line now and then.

    Raises:
        HubError: it did not come to its end; also where she ended it.
    """
    lines = _Lines(out)
    last: Progress | None = None
    try:
        for step in running:
            last = step if step.phase == "fetching" else last
            lines.show(step)
    except KeyboardInterrupt:
        running.cancel()
        here = f"{size(last.done)} of {size(last.total)} are here, and t" if last else "T"
        raise HubError(
            f"The download was left off. {here}he next try goes on from there.", "cancelled"
        ) from None
    finally:
        lines.end()
    return running.path


class _Lines:
    """Says how far a download is."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._rewrites = out.isatty()
        self._told: tuple[str, str, int] | None = None
        self._open = False

    def show(self, step: Progress) -> None:
        """Say it, on a terminal each time, elsewhere where it is worth a line."""
        if self._rewrites:
            # What the terminal is told to do comes from here alone: `told` is visible text.
            self._write(f"\r{told(step)[: _columns(self._out) - 1]}\x1b[K")
            self._open = True
            return
        share = int(step.done / max(1, step.total) / _TOLD_EVERY)
        mark = (step.phase, step.note, share)
        if mark != self._told and step.phase != "asking":
            self._told = mark
            write(self._out, told(step) + "\n")

    def end(self) -> None:
        """Leave the line."""
        if self._open:
            self._write("\n")

    def _write(self, text: str) -> None:
        self._out.buffer.write(text.encode("utf-8", "replace"))
        self._out.buffer.flush()


def _columns(out: TextIO) -> int:
    """The width of a terminal; a usual one where it does not say."""
    try:
        return os.get_terminal_size(out.fileno()).columns or 80
    except OSError:
        return 80


def told(step: Progress) -> str:
    """How far a download is, in one line.

    >>> told(Progress(phase="fetching", done=2 << 30, total=8 << 30, bytes_per_second=12 << 20,
    ...               seconds_left=512.0, file="tale.gguf"))
    'tale.gguf  25 %  2.0 GiB of 8.0 GiB  12.0 MiB/s  9 min left'
    """
    percent = 100 * step.done // max(1, step.total)
    parts = [visible(step.file, newlines=False)]
    if step.phase == "asking":
        parts.append("asking the Hub")
    elif step.phase == "checking":
        parts.append(f"checking  {percent} %")
    else:
        parts.append(f"{percent} %  {size(step.done)} of {size(step.total)}")
        if step.phase == "waiting":
            parts.append(f"waiting: {step.note}")
        elif step.bytes_per_second > 0:
            parts.append(f"{step.bytes_per_second / 2**20:.1f} MiB/s")
            if step.seconds_left is not None:
                parts.append(f"{_time(step.seconds_left)} left")
    return "  ".join(part for part in parts if part)


def size(count: int) -> str:
    """Bytes as she reads them."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _about(model: HubModel) -> Sequence[str]:
    facts = [f"{model.downloads:,} downloads", model.licence or "no licence named"]
    facts += ["its terms are to be accepted first"] if model.gated else []
    facts += [f"changed {model.updated}"] if model.updated else []
    return (model.repository, f"  {', '.join(facts)}")
