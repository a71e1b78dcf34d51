"""Makes a model of her own: plans, reads, decides, writes the recipe, and runs it to its end."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from storytui.models.names import BUILT_IN
from storytui.story.visible import visible
from storytui_train.data.dataset.reading import RowList
from storytui_train.data.pipeline.running import described, refusals
from storytui_train.data.pipeline.workplace import Workplace
from storytui_train.errors import RecipeError, TrainError
from storytui_train.personal.deciding import (
    LEAST_WORDS,
    Base,
    Device,
    Effort,
    Wishes,
    effort,
    length,
    read_back,
    recipe_of,
    sequences,
    splits,
    takes_of,
    teacher_of,
)
from storytui_train.personal.going_on import goes_on_as_it_was, is_on_other_rows, what_is_lost
from storytui_train.personal.recipe_file import RecipeFile
from storytui_train.personal.telling import Steps, minutes
from storytui_train.recipe import Recipe, SplitOptions, load
from storytui_train.recipe_training import TrainOptions
from storytui_train.stages.chain import run_chain

_TEXT_STAGES = ("gather", "clean", "choose")
_FEW = 3


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    name: str
    """As the editor lists it."""
    base: str
    better: bool
    worse: bool
    verdict: str
    change: float | None
    """Percent of bits that the true text takes more than by the base; negative is better."""
    low: float | None
    high: float | None
    """The interval of it."""
    books: int
    report: str
    """The report's path."""
    recipe: str
    """The recipe's path."""
    minutes: dict[str, float]
    """By step."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What training has here."""

    device: Device
    limit: int
    """Bytes."""


def make(
    wishes: Wishes,
    out: Path,
    told: Callable[[str], None],
    agreed: Callable[[str], bool],
) -> Result | None:
    """Make a model of her own, or go on with it.

    Args:
        wishes: what she asked for.
        out: the working folder.
        told: gets lines for the user.
        agreed: is asked whether to begin, once it is known how long it takes.

    Returns:
        What came of it; None where she did not agree.

    Raises:
        RecipeError: something that she named is not there, or cannot be.
        TrainError: it does not fit this machine, her texts are too short, or a step failed; the
            same command goes on from there.
    """
    from storytui_train.stages.adding import name_trouble

    steps = Steps(told)
    place = Workplace(out, out)
    trouble = name_trouble(wishes.name, out)
    if trouble:
        raise RecipeError(f"{trouble} Say it with --name.")
    with place.alone():
        file = RecipeFile(out, told)
        decided = _decided(wishes, file)
        if decided is None:
            recipe, expected = _Deciding(wishes, place, file, told, steps).all()
            if not agreed(expected):
                return None
            file.keep(wishes)
        else:
            recipe = decided
            told(f"It goes on with {visible(str(file.path), newlines=False)}.")
            if not _see_to_texts(recipe, place, file.path, told, steps, agreed):
                return None
        done = run_chain(
            recipe, place, steps.detail, recipe_path=file.path, began=steps.begin, texts=False
        )
        steps.end()
        return _result(wishes, recipe, place, file.path, steps, worse=done.worse)


def _decided(wishes: Wishes, file: RecipeFile) -> Recipe | None:
    """The recipe that is there, where it was written for these wishes, or for others only in how
    many replies are written for the report: these change nothing of what is learnt.

    Raises:
        RecipeError: it was changed by hand so that the number cannot be put there.
    """
    before = file.wishes
    if before is None or msgspec.structs.replace(before, takes=wishes.takes) != wishes:
        return None
    recipe = load(file.path)
    if before == wishes:
        return recipe
    options = msgspec.structs.replace(recipe.evaluate, takes=takes_of(wishes, _device()))
    recipe = msgspec.structs.replace(recipe, evaluate=options)
    if read_back(recipe) != recipe:
        shown = visible(str(file.path), newlines=False)
        raise RecipeError(
            f"You changed {shown}. Say takes = {options.takes} under [evaluate] there, and run it "
            f"by: storytui-train run {shown}"
        )
    recipe = file.write(recipe)
    file.keep(wishes)
    return recipe


def _see_to_texts(
    recipe: Recipe,
    place: Workplace,
    path: Path,
    told: Callable[[str], None],
    steps: Steps,
    agreed: Callable[[str], bool],
) -> bool:
    """See that rows are there for a recipe that was decided on; whether it goes on with them."""
    if goes_on_as_it_was(recipe, place):
        told("Your texts are taken as they were when training began.")
        return True
    if recipe.sources:
        steps.begin("read")
        run_chain(recipe, place, steps.detail, recipe_path=path, until="dataset")
        steps.end()
    lost = what_is_lost(place)
    if not lost or not is_on_other_rows(place):
        return True
    said = f"Your texts, or how they are cut, changed, so that the model is trained anew. {lost}"
    told(said)
    return agreed(said)


class _Deciding:
    """Decides all that a recipe says, and writes it on the way."""

    def __init__(
        self,
        wishes: Wishes,
        place: Workplace,
        file: RecipeFile,
        told: Callable[[str], None],
        steps: Steps,
    ) -> None:
        self._wishes, self._place, self._told, self._steps = wishes, place, told, steps
        self._file = file

    def all(self) -> tuple[Recipe, str]:
        """The recipe, and about how long it takes, in a sentence."""
        wishes = self._wishes
        before = self._trained()
        base, machine, sequence = self._plan()
        teacher, why = teacher_of(wishes, base, machine.device)
        self._told(why)

        def recipe(split: SplitOptions, **train: float) -> Recipe:
            return self._file.write(
                recipe_of(
                    wishes,
                    base,
                    machine.device,
                    sequence=sequence,
                    teacher=teacher,
                    split=split,
                    train=train,
                )
            )

        first = recipe(SplitOptions(by="place"))
        self._steps.begin("read")
        self._run(first, "choose")
        words = self._see_to_words()
        self._steps.begin("examples")
        self._run(first, "chunk")
        split = self._split(words, first.seed)
        second = recipe(split)
        self._run(second, "dataset")
        self._steps.end()
        expected = self._effort(base, machine, sequence)
        said = (
            f"{expected.all_steps:,} steps of training take about "
            f"{minutes(expected.seconds / 60)} on "
            f"{'the GPU' if machine.device == 'cuda' else 'this processor'}, and measuring about "
            f"{minutes(self._measuring(expected, second) / 60)}. It can be stopped with Ctrl-C at "
            "any time; the same command goes on."
        )
        self._told(said)
        last = recipe(split, **expected.options)
        lost = what_is_lost(self._place)
        same = before == (last.train, last.seed) and not is_on_other_rows(self._place)
        if lost and not same:
            self._told(f"For what you ask for now the model is trained anew. {lost}")
        return last, said

    def _trained(self) -> tuple[TrainOptions, int] | None:
        """How the recipe that is there would have trained; None: that is not known."""
        if not self._file.path.is_file():
            return None
        try:
            recipe = load(self._file.path)
        except RecipeError:
            return None
        return recipe.train, recipe.seed

    def _plan(self) -> tuple[Base, Machine, int]:
        """The base, this machine, and how long rows can be."""
        from storytui_train.training.plan import as_text, make_plan, settings_of, size
        from storytui_train.training.shape_finding import find_shape
        from storytui_train.training.this_machine import bfloat16_here, limit_here

        wishes = self._wishes
        found = find_shape(wishes.base)
        base = Base(found.shape.parameters, is_gguf(wishes.base))
        if not base.is_gguf and not wishes.gguf:
            raise RecipeError(
                f"{found.base} is no GGUF file, and the editor needs one to use what is trained. "
                "Name a GGUF of the same model with --gguf, or as the base itself."
            )
        device = _device()
        machine = Machine(device, limit_here("", device))
        half = device == "cpu" or bfloat16_here()
        lengths = (wishes.sequence,) if wishes.sequence else sequences(base, device)
        for sequence in lengths:
            options = TrainOptions(base=wishes.base, sequence=sequence)
            settings = settings_of(options, device, bfloat16=half)
            plan, known = make_plan(found, settings, machine.limit)
            if plan.fits:
                self._told(
                    f"{found.base} has {base.parameters / 1e6:,.0f} million weights; training on "
                    f"rows of {sequence:,} tokens takes about {size(plan.total)} of "
                    f"{size(machine.limit)}."
                )
                return base, machine, sequence
        raise TrainError(
            "Training does not fit this machine. Take a smaller base, or change what is said "
            f"below.\n{as_text(found, plan, known).rstrip()}"
        )

    def _run(self, recipe: Recipe, until: str) -> None:
        run_chain(recipe, self._place, self._steps.detail, recipe_path=self._file.path, until=until)

    def _see_to_words(self) -> int:
        """How many words of her texts can be used.

        Raises:
            TrainError: too few.
        """
        from storytui.story.words import count_words
        from storytui_train.data.documents import Document
        from storytui_train.data.pipeline.blocks import read_lines

        words = texts = 0
        for part in sorted(self._place.parts("choose").glob("*.jsonl")):
            for document in read_lines(part, Document):
                words += count_words(document.cleaned.text)
                texts += 1
        if words < LEAST_WORDS:
            raise TrainError(_too_short(words, self._place))
        self._steps.detail(f"{texts:,} text{'' if texts == 1 else 's'}, {words:,} words")
        return words

    def _split(self, words: int, seed: int) -> SplitOptions:
        """What is held out.

        Raises:
            TrainError: there are too few rows.
        """
        rows = RowList(self._place.parts("chunk"))
        found = splits([rows[number] for number in range(len(rows))], seed)
        if found is None:
            raise TrainError(_too_short(words, self._place, examples=len(rows)))
        return found

    def _effort(self, base: Base, machine: Machine, sequence: int) -> Effort:
        from storytui_train.training.this_machine import training_speed

        def lengths(split: str) -> list[int]:
            rows = RowList(self._place.parts("dataset"), split=split)
            return [
                length(len(row.context) + len(row.continuation) + len(row.reasoning), sequence)
                for row in (rows[number] for number in range(len(rows)))
            ]

        rate = training_speed(base.parameters, machine.device)
        return effort(lengths("train"), rate, self._wishes, lengths("validation"))

    def _measuring(self, expected: Effort, recipe: Recipe) -> float:
        """Seconds that measuring takes, roughly: each row is read four times, without a way back,
        and what is written goes a token at a time."""
        options = recipe.evaluate
        of_row = expected.row_seconds
        tests = len(RowList(self._place.parts("dataset"), split="test"))
        rows, takes = min(options.rows or tests, tests), min(options.takes, tests)
        return of_row * (rows * 4 / 3 + takes * 8)


def _device() -> Device:
    """Where it is trained."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def is_gguf(base: str) -> bool:
    """Whether a base that is named is a GGUF file."""
    from storytui_train.training.base import base_place

    if base.strip().casefold() == BUILT_IN:
        return True
    return base_place(TrainOptions(base=base))[0] == "gguf"


def _too_short(words: int, place: Workplace, examples: int = -1) -> str:
    """Why her texts are too short, and how much is needed."""
    said = f"There are {words:,} words that can be used"
    if examples >= 0:
        said += f", which make {examples:,} examples: too few to learn from and to measure with"
    left = refusals(place, _TEXT_STAGES)
    why = "; ".join(described(each).rstrip(".") for each in left[:_FEW])
    more = f" Left out: {why}." if why else ""
    return (
        f"{said}. At least {LEAST_WORDS:,} are needed, some 30 pages, and a model becomes clearly "
        f"better with a whole novel. Name more manuscripts.{more}"
    )


def _result(
    wishes: Wishes, recipe: Recipe, place: Workplace, path: Path, steps: Steps, *, worse: bool
) -> Result:
    """What came of it, by what lies in the folder."""
    from storytui_train.stages.adding import listed_name
    from storytui_train.stages.exporting import files_of
    from storytui_train.stages.measuring import is_better, measured
    from storytui_train.stages.work import ModelWork

    work = ModelWork(recipe, place, steps.detail)
    exported = place.record("export")
    files = list(files_of(work, exported).values()) if exported else []
    there = place.record("evaluate") is not None and files
    found = measured(work, files[0]) if there else None
    return Result(
        name=listed_name(work),
        base=wishes.base,
        better=bool(there and is_better(work, files[0])),
        worse=worse,
        verdict=found.verdict if found else "",
        change=found.change if found else None,
        low=found.low if found else None,
        high=found.high if found else None,
        books=found.books if found else 0,
        report=found.report if found else "",
        recipe=str(path),
        minutes=steps.minutes,
    )
