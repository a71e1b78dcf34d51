"""What an evaluation found, as a card tells it: a table, a verdict, and figures for the Hub."""

from collections.abc import Collection, Mapping
from pathlib import Path

import msgspec

from storytui.story.visible import visible
from storytui_train.publish.found import EVALUATION, read_json

REPORT, REPORT_JSON, SAMPLES = "report.md", "report.json", "samples.md"
HEADLINES: Mapping[str, tuple[str, int]] = {
    "bits_prompt": ("bits per byte of the true text, after the prompt", 4),
    "bits_plain": ("bits per byte of the true text, as plain text", 4),
    "gain_own": ("% of perplexity gained by its own plan", 2),
    "gain_control": ("% gained by its plan for another row", 2),
    "form_right": ("% of replies of the right form, without help", 1),
    "copied": ("% copied from the context", 2),
    "repeated": ("% repeated", 2),
    "paragraphs": ("paragraphs per 100 words", 2),
    "leaked": ("% of the plan in the prose", 2),
}
"""The figures of `storytui_train.evaluate` that a card shows, with their digits."""
_MOST_MODELS = 6


class Figure(msgspec.Struct, frozen=True):
    """A mean with its interval."""

    mean: float
    low: float
    high: float


class _Verdict(msgspec.Struct, frozen=True):
    sentence: str = ""


class _Model(msgspec.Struct, frozen=True):
    name: str
    figures: dict[str, Figure] = {}
    verdict: _Verdict | None = None


class _Report(msgspec.Struct, frozen=True):
    rows: int = 0
    takes: int = 0
    confidence: float = 0.95
    base: str = ""
    titles: dict[str, str] = {}
    of_books: dict[str, Figure] = {}
    models: tuple[_Model, ...] = ()


class Evaluation:
    """An evaluation of a working folder."""

    def __init__(self, report: _Report, files: tuple[Path, ...]) -> None:
        self._report = report
        self.files = files
        """What goes along: the report, its samples and its pictures."""

    def without_files(self) -> "Evaluation":
        """Its figures alone."""
        return Evaluation(self._report, ())

    @property
    def metrics(self) -> dict[str, float]:
        """The figures of the model that was trained, by their names."""
        own = self._own
        return {name: own.figures[name].mean for name in HEADLINES if name in own.figures}

    @property
    def verdicts(self) -> tuple[str, ...]:
        """A sentence on each model that was held against its base, fit to be shown."""
        said = (each.verdict.sentence for each in self._report.models if each.verdict)
        return tuple(visible(each, newlines=False) for each in said if each)

    def table(self) -> str:
        """The figures in Markdown, a column a model."""
        report = self._report
        models = report.models[:_MOST_MODELS]
        columns = [*(["the books"] if report.of_books else []), *(each.name for each in models)]
        lines = [
            f"| | {' | '.join(_cell(each) for each in columns)} |",
            f"|---{'|---:' * len(columns)}|",
        ]
        for name, (title, digits) in HEADLINES.items():
            found = [each.figures.get(name) for each in models]
            if not any(found):
                continue
            of_books = [report.of_books.get(name)] if report.of_books else []
            cells = [_shown(each, digits) for each in (*of_books, *found)]
            lines.append(f"| {title} | {' | '.join(cells)} |")
        return "\n".join(lines) + "\n"

    def summary(self) -> str:
        """What was measured, in a sentence."""
        report = self._report
        books = len(report.titles)
        return (
            f"Measured on {report.rows:,} rows of {books:,} {'book' if books == 1 else 'books'} "
            f"that were held out of training, with takes for {report.takes:,} of them. Behind each "
            f"figure stands its interval of {100 * report.confidence:g} %, drawn by book."
        )

    @property
    def _own(self) -> _Model:
        """The model that was trained: the first that is not the base."""
        models = self._report.models
        others = [each for each in models if each.name != self._report.base]
        return (others or list(models))[0]


def evaluation_of(folder: Path, made: Collection[str]) -> Evaluation | None:
    """The evaluation in a working folder; None where there is none.

    Args:
        folder: the working folder.
        made: the paths below it of what the evaluation of what is published wrote.

    Raises:
        PublishError: its report cannot be read.
    """
    place = folder / EVALUATION
    if f"{EVALUATION}/{REPORT_JSON}" not in made:
        return None
    said = read_json(place / REPORT_JSON)
    try:
        report = msgspec.convert(said, _Report)
    except msgspec.ValidationError:
        return None
    if not report.models:
        return None
    # Without takes there are no samples: those that lie there are of others.
    texts = (REPORT, REPORT_JSON, *([SAMPLES] if report.takes else []))
    names = [place / each for each in texts]
    names += sorted(place.glob("*.png"))
    own = (each for each in names if each.relative_to(folder).as_posix() in made)
    return Evaluation(report, tuple(each for each in own if each.is_file()))


def _cell(text: str) -> str:
    return visible(text, newlines=False).replace("|", "\\|")


def _shown(figure: Figure | None, digits: int) -> str:
    if figure is None:
        return "–"
    return f"{figure.mean:.{digits}f} ({figure.low:.{digits}f} to {figure.high:.{digits}f})"
