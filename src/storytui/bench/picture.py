"""The figures of the cases as a picture: bars, an engine a colour, on a logarithmic scale."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from storytui.bench.contenders import ContenderError

_WHENS = {"at_once": "at once", "idle": "after the idle time"}


def check_drawing() -> None:
    """Raises ContenderError where what draws is not installed."""
    if find_spec("matplotlib") is None:
        raise ContenderError("A plot needs matplotlib: pip install 'storytui[bench]' brings it.")


def draw(found: dict[str, Any], path: Path) -> None:
    """Write the picture; the file's ending says in what form.

    Raises:
        ContenderError: there is nothing to draw, what draws is missing, or the file cannot be
            written.
    """
    check_drawing()
    rows = found.get("cases") or []
    if not rows:
        raise ContenderError("There is nothing to plot: measure first-token too.")
    # A second to import, and wanted by few.
    from matplotlib.figure import Figure

    engines = sorted({each["engine"] for each in rows}, key=lambda name: (name != "storytui", name))
    whens = [when for when in _WHENS if any(each["when"] == when for each in rows)]
    cases = list(dict.fromkeys(each["case"] for each in rows))
    times = {(each["engine"], each["case"], each["when"]): each["first_token_ms"] for each in rows}
    figure = Figure(figsize=(5.5 * len(whens), 4.0), layout="constrained")
    axes = figure.subplots(1, len(whens), sharey=True, squeeze=False)[0]
    width = 0.8 / len(engines)
    for axis, when in zip(axes, whens, strict=True):
        for number, engine in enumerate(engines):
            places = [
                place + (number - (len(engines) - 1) / 2) * width for place in range(len(cases))
            ]
            heights = [times.get((engine, case, when), float("nan")) for case in cases]
            axis.bar(places, heights, width, label=engine)
        axis.axhline(found["step_ms"], color="grey", linewidth=0.8, linestyle="--")
        axis.set_yscale("log")
        axis.set_title(_WHENS[when])
        names = [case.replace("_", " ") for case in cases]
        axis.set_xticks(range(len(cases)), names, rotation=30, ha="right")
    axes[0].set_ylabel("first token, ms (dashed: one decoding step)")
    axes[-1].legend()
    try:
        figure.savefig(path)
    except (OSError, ValueError) as error:
        raise ContenderError(f"The plot {path} cannot be written: {error}.") from error
