"""What there is to say of a model that was trained here: in rows, in sentences, as JSON."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from storytui.models.trained import TrainedModel, in_short
from storytui.models.walking import shown
from storytui.story.visible import visible

_MOST_TITLES = 8


def trained_as_json(model: TrainedModel) -> dict[str, Any]:
    """Everything that is known of it, with its evaluation in short."""
    known: dict[str, Any] = msgspec.to_builtins(model)
    return known | {"in_short": in_short(model)}


def in_a_line(model: TrainedModel) -> str:
    """Base, date and evaluation."""
    over = f"{'over' if model.adapter else 'merged with'} {_line(model.base_name)}"
    return ", ".join(filter(None, (over, _line(model.made), in_short(model))))


def trained_rows(known: dict[str, Any] | None) -> list[tuple[str, str]]:
    """Where a model came from, a name and a text each.

    Args:
        known: as `trained_as_json` has it; None: it was not trained here.
    """
    if known is None:
        return []
    measured = known["measured"]
    rows = [
        ("made from", " ".join(filter(None, (known["base_name"], known["base"])))),
        ("adapter", known["adapter"]),
        ("trained on", _titles(known["sources"])),
        ("made on", known["made"]),
        ("recipe", known["recipe"]),
        ("its licence", known["licence"]),
        ("private", "yes: it is not to leave this machine" if known["private"] else ""),
        ("measured", known["in_short"]),
    ]
    if measured is not None:
        change = (
            f"{measured['bits']:.3f} bits a byte, its base {measured['base_bits']:.3f}: "
            f"{measured['change']:+.1f} % ({measured['low']:+.1f} to {measured['high']:+.1f}), on "
            f"{measured['books']:,} {'book' if measured['books'] == 1 else 'books'}"
        )
        rows += [("", change), ("", measured["verdict"]), ("report", _report(measured["report"]))]
    return [(name, _line(text)) for name, text in rows]


def about_trained(model: TrainedModel) -> Iterator[str]:
    """Where a model came from, in sentences fit to be shown."""
    made = f" on {_line(model.made)}" if model.made else ""
    yield f"Trained on this machine{made}, {in_a_line(model).split(', ')[0]}."
    if model.sources:
        yield f"From {_titles(model.sources)}."
    if model.measured is not None:
        yield _line(model.measured.verdict)
        if model.measured.report:
            yield f"Its report: {_report(model.measured.report)}"
    if model.private:
        yield "It is private: it is not to leave this machine."


def shown_licence(model: TrainedModel) -> str:
    """Its licence, fit to be shown."""
    return _line(model.licence)


def _titles(titles: list[str] | tuple[str, ...]) -> str:
    listed = ", ".join(_line(each) for each in titles[:_MOST_TITLES])
    more = len(titles) - _MOST_TITLES
    return f"{listed} and {more:,} more" if more > 0 else listed


def _report(path: str) -> str:
    if not path:
        return ""
    return shown(Path(path)) + ("" if Path(path).is_file() else ", which is not there any more")


def _line(text: str) -> str:
    return visible(text, newlines=False)
