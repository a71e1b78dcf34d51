"""PURE. From what she wishes and what the machine can to a recipe: sizes, splits, steps."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from storytui_train.data.split import By, count_books, plan_splits
from storytui_train.errors import RecipeError
from storytui_train.recipe import (
    ChooseOptions,
    ChunkOptions,
    DatasetOptions,
    ManuscriptSource,
    Recipe,
    SplitOptions,
    TeacherOptions,
)
from storytui_train.recipe_training import (
    EvaluateOptions,
    ExportOptions,
    PromptFormatName,
    PublishOptions,
    TrainOptions,
)

LEAST_WORDS = 8_000
"""Of her texts: fewer make too few examples to learn from, and to measure with."""
LEAST_TRAINED, LEAST_MEASURED = 16, 4
"""Rows."""
LARGE = 3_000_000_000
"""Weights from which on a model's own plans help; those of smaller ones do not."""
SMALL = 1_000_000_000
PLANS, PLAN_ATTEMPTS, TAUGHT_ROWS = 2, 2, 400
"""Of a model that writes plans here: each takes it as long as a reply."""
ITSELF, NOBODY = "itself", "none"
VALIDATIONS, VALIDATION_ROWS, VALIDATION_SHARE = 6, 16, 0.15
"""In a run at the most, rows that each looks at, and what of the time they may take together; one
is always made before training and one at its end."""
SAVE_SECONDS = 300
"""What a kill may cost, roughly."""
_PROMPT_TOKENS, _CHARACTERS = 80, 3.9
"""Tokens of a prompt besides its text; characters of a token of English prose."""
_BOOKS = 10
"""Books from which on whole ones are held out."""

Device = Literal["cuda", "cpu"]


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What she asked for; the same wishes go on with the same work."""

    paths: tuple[str, ...]
    """Her manuscripts, from the root on."""
    folders: Literal["auto", "book", "books"] = "auto"
    """Whether a folder is one book in chapters, or books."""
    base: str
    gguf: str = ""
    """A GGUF of the base, where that is none."""
    name: str
    format: PromptFormatName = "storytui-1"
    teacher: str = ""
    """`itself`, `none`, or a model by name or path; empty: by the base's size."""
    minutes: float = 0.0
    """Of training, at the most; 0: as long as it takes."""
    steps: int = 0
    sequence: int = 0
    """Tokens of a row; 0: by what the machine has."""
    takes: int = -1
    """Replies written for the report; -1: by the base's size."""
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Base:
    """What counts of the base."""

    parameters: int
    is_gguf: bool


def sequences(base: Base, device: Device) -> tuple[int, ...]:
    """Lengths of rows in tokens that come into question, the best first."""
    if device == "cpu":
        return (1024, 768, 512) if base.parameters < SMALL else (768, 512)
    return (2048, 1024, 512) if base.parameters < SMALL else (4096, 3072, 2048, 1024, 512)


def teacher_of(wishes: Wishes, base: Base, device: Device) -> tuple[str, str]:
    """Who writes the plans, and why, in a sentence.

    Returns:
        A model by name or path, or nothing; and what is said about it.
    """
    wanted = wishes.teacher.strip()
    own = wishes.gguf or (wishes.base if base.is_gguf else "")
    if wanted.casefold() == NOBODY:
        return "", "No plans are written, as you asked; your texts alone are learnt from."
    if wanted and wanted.casefold() != ITSELF:
        return wanted, f"{wanted} writes plans for the examples, on this machine."
    if wanted or (base.parameters >= LARGE and device == "cuda" and own):
        if not own:
            raise RecipeError(
                "The base writes plans only as a GGUF file. Name one of the same model with --gguf."
            )
        return own, "The base itself writes plans for the examples; its size is enough for that."
    if base.parameters < LARGE:
        why = "a model as small as this base gains nothing by plans that it writes itself"
    else:
        why = "without a GPU that would take many hours"
    return "", (
        f"No plans are written: {why}. Your texts alone are learnt from; a larger model can be "
        "named with --teacher."
    )


def takes_of(wishes: Wishes, device: Device) -> int:
    """How many replies are written for the report."""
    return wishes.takes if wishes.takes >= 0 else 8 if device == "cpu" else 16


def recipe_of(
    wishes: Wishes,
    base: Base,
    device: Device,
    *,
    sequence: int,
    teacher: str,
    split: SplitOptions,
    train: Mapping[str, float] | None = None,
) -> Recipe:
    """The recipe of her model: as any other, in a file that she can read and change.

    Args:
        wishes: what she asked for.
        base: what counts of the base.
        device: where it is trained.
        sequence: tokens of a row.
        teacher: who writes plans; empty: nobody.
        split: what is held out.
        train: epochs, steps and batch, once the rows are known.
    """
    small = base.parameters < SMALL
    continuation = 200 if device == "cpu" else 250
    # A token is some three quarters of an English word.
    context = int((sequence - _PROMPT_TOKENS) * 0.7) - continuation
    return Recipe(
        name=wishes.name,
        folder=".",
        seed=wishes.seed,
        licence="private",
        sources=(ManuscriptSource(paths=wishes.paths, folders=wishes.folders, private=True),),
        choose=ChooseOptions(languages=(), fiction="any", minimum_words=100, quality="off"),
        chunk=ChunkOptions(
            context_words=max(100, context),
            continuation_words=min(continuation, max(60, sequence // 5)),
            early_rows=True,
        ),
        split=split,
        teacher=_teacher(teacher),
        dataset=DatasetOptions(
            formats=(wishes.format,), files=("jsonl",), without_reasoning="keep"
        ),
        train=TrainOptions(
            base=wishes.base,
            gguf=wishes.gguf,
            format=wishes.format,
            sequence=sequence,
            learning_rate=5e-4 if small else 2e-4,
            **dict(train or {}),  # type: ignore[arg-type]
        ),
        export=ExportOptions(name=wishes.name),
        evaluate=EvaluateOptions(
            rows=60,
            takes=takes_of(wishes, device),
            words=120,
        ),
        publish=PublishOptions(private=True),
    )


def _teacher(model: str) -> TeacherOptions:
    if not model:
        return TeacherOptions()
    return TeacherOptions(
        kind="local", model=model, plans=PLANS, attempts=PLAN_ATTEMPTS, rows=TAUGHT_ROWS
    )


class Cut(msgspec.Struct, frozen=True, kw_only=True):
    """Of a row what decides how her texts are split."""

    source: str
    chapter_number: int
    span: tuple[int, int]


def splits(rows: Sequence[object], seed: int) -> SplitOptions | None:
    """How rows are split, so that there are enough to learn from and to measure with.

    Whole books are held out of many; of few the last chapters of each, where chapters do not
    serve, the last places, and where these do not either, whole books again.

    Args:
        rows: of all her texts (`examples.Row`, or what has the same source, chapter and span).
        seed: the recipe's.

    Returns:
        None where there are too few.
    """
    ways: list[tuple[By, int]] = [("chapter", 1), ("chapter", 0), ("place", 1), ("place", 0)]
    many = len({_source_id(each) for each in rows}) >= _BOOKS
    # Of several short texts parts cannot be held out, but one of them can.
    ways.insert(0 if many else len(ways), ("book", 1))
    for by, gap in ways:
        options = SplitOptions(by=by, gap_chapters=gap, validation=0.06, test=0.1)
        counted = count_books(rows, "place" if by == "place" else "chapter")  # type: ignore[arg-type]
        found = plan_splits(counted, options, seed).report.rows
        most = 0.3 * sum(found.values())
        lost = found.get("gap", 0)
        enough = found["train"] >= LEAST_TRAINED and found["test"] >= LEAST_MEASURED
        if enough and found["test"] <= most and lost <= most:
            return options
    return None


def _source_id(row: object) -> str:
    return str(row.source.id)  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Effort:
    """How long a training is."""

    epochs: float
    steps: int
    """As the recipe says: 0 where the epochs decide."""
    batch: int
    seconds: float
    """Roughly, validations among them."""
    all_steps: int
    row_seconds: float
    """Of a row that is trained."""
    validations: int
    """During training."""

    @property
    def options(self) -> dict[str, float]:
        """What the recipe says of it."""
        said: dict[str, float] = {
            "epochs": self.epochs,
            "batch": self.batch,
            "validate_every": max(1, math.ceil(self.all_steps / self.validations)),
            "validation_rows": VALIDATION_ROWS,
            "save_every": max(1, round(SAVE_SECONDS / (self.row_seconds * self.batch))),
        }
        return {**said, "steps": self.steps} if self.steps else said


def effort(
    lengths: Sequence[int], rate: float, wishes: Wishes, validation: Sequence[int] = ()
) -> Effort:
    """How often the rows are gone through, in how many steps.

    Args:
        lengths: of the training rows, in tokens.
        rate: tokens a second that are trained here.
        wishes: minutes or steps that she named.
        validation: lengths of the rows that are looked at on the way.
    """
    rows = len(lengths)
    batch = 8 if rows >= 400 else 4
    epochs = 3.0 if rows < 300 else 2.0 if rows < 1500 else 1.0
    whole = math.ceil(rows * epochs / batch)
    of_step = sum(lengths) / max(1, rows) * batch / rate
    # None of them has a way back.
    look = sum(validation[:VALIDATION_ROWS]) / rate / 3
    time = 60 * wishes.minutes or (wishes.steps or whole) * of_step
    most = int(VALIDATION_SHARE * time / look) - 1 if look else VALIDATIONS
    validations = min(VALIDATIONS, max(1, most))
    looked = look * (validations + 1)
    steps = wishes.steps
    if not steps and wishes.minutes:
        steps = min(whole, max(1, int((wishes.minutes * 60 - looked) / of_step)))
        steps = 0 if steps == whole else steps
    count = steps or whole
    seconds = count * of_step + looked
    return Effort(epochs, steps, batch, seconds, count, of_step / batch, validations)


def length(characters: int, sequence: int) -> int:
    """About how many tokens a row has."""
    return min(sequence, int(characters / _CHARACTERS) + _PROMPT_TOKENS)


def changed(recipe: Recipe) -> dict[str, object]:
    """What a recipe says that is not the default, as values of TOML."""
    said: dict[str, object] = {"name": recipe.name}
    for name in recipe.__struct_fields__:
        value = getattr(recipe, name)
        if name in ("name", "sources"):
            continue
        if isinstance(value, msgspec.Struct):
            own = _changed(value)
            if own:
                said[name] = own
        elif value != getattr(Recipe(name=""), name):
            said[name] = value
    said["sources"] = [
        {"type": "manuscripts", **_changed(each), "private": True}
        for each in recipe.sources
        if isinstance(each, ManuscriptSource)
    ]
    return said


def read_back(recipe: Recipe) -> Recipe:
    """A recipe as it is behind its file: what `changed` cannot say is not there."""
    return msgspec.convert(changed(recipe), Recipe)


def _changed(struct: msgspec.Struct) -> dict[str, object]:
    """What of a section is not the default."""
    found: dict[str, object] = {}
    for each in msgspec.structs.fields(struct):
        default = each.default
        if each.default_factory is not msgspec.NODEFAULT:
            default = each.default_factory()
        value = getattr(struct, each.name)
        if value != default:
            found[each.name] = msgspec.to_builtins(value)
    return found
