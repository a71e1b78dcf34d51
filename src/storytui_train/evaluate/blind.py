"""A blind comparison of two models: takes written beforehand, shown in random order, judged."""

import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from storytui.story.prompt import AUTO
from storytui.story.visible import visible
from storytui_train.data.dataset.keyboard import RESIZED, Terminal, terminal
from storytui_train.data.examples import Row
from storytui_train.errors import EvaluateError, RecipeError
from storytui_train.evaluate import placing
from storytui_train.evaluate.asking import Asked, needs_guidance
from storytui_train.evaluate.comparing import Comparing, Pair, Said
from storytui_train.evaluate.contestants import Contestant, OpenContestant, contestants, opening
from storytui_train.evaluate.held_out import TEST, held_out
from storytui_train.evaluate.judgements import (
    NAME,
    Judgement,
    Pace,
    Results,
    add,
    load,
    results,
    told,
)
from storytui_train.evaluate.kept import Kept, key
from storytui_train.evaluate.progress import Progress
from storytui_train.evaluate.running import Seat, context_for
from storytui_train.evaluate.takes import Take

FOLDER = "comparison"
"""Its name beside a data set."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A pair, and which model is on which side of it."""

    pair: Pair
    row: Row
    left: Contestant
    right: Contestant


def compare(
    path: Path,
    models: Sequence[str],
    folder: Path,
    *,
    rows: int = 20,
    words: int = 180,
    context_words: int = 0,
    seed: int = 1,
    format: str = AUTO,
    split: str = TEST,
    open_engine: OpenContestant | None = None,
) -> list[Results]:
    """Have two models write, and somebody judge at the terminal; everything is kept at once.

    Args:
        path: a data set's folder, a folder of files of rows, or one such file.
        models: two, as `contestants.contestants` takes them.
        folder: gets takes and judgements; is made where it is missing.
        rows: how many contexts.
        words: asked for in takes.
        context_words: of the contexts; 0: all.
        seed: of takes and of the order.
        format: of all prompts; `auto`: each model's own.
        split: of the rows.
        open_engine: opens a model; None: the project's engine.

    Returns:
        What all judgements in the folder come to; nothing while pairs of these are left, since
        whoever knows who is ahead is blind no more.

    Raises:
        RecipeError: there are not two models.
        EvaluateError: there is no terminal, a model fails, or nothing can be kept.
        TrainError: rows or models cannot be read.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise EvaluateError(
            "People compare in a terminal, and this is none; --results tells what they said."
        )
    found = contestants(models, format)
    if len(found) != 2:
        raise RecipeError("Two different models are compared; name both with --model.")
    shown = pairs(
        *(path, found, folder),
        rows=rows,
        asked=Asked(words=words, context_words=context_words, seed=seed),
        split=split,
        open_engine=open_engine,
    )
    file = folder / NAME
    judged = {each.pair for each in load(file)}
    if not judged.issuperset(each.pair.pair for each in shown):
        with terminal() as screen:
            _ask(screen, shown, judged, file)
    if not judged.issuperset(each.pair.pair for each in shown):
        return []
    return results(load(file), seed=seed)


def pairs(
    path: Path,
    models: Sequence[Contestant],
    folder: Path,
    *,
    rows: int,
    asked: Asked,
    split: str = TEST,
    open_engine: OpenContestant | None = None,
    progress: Progress | None = None,
) -> list[Shown]:
    """The takes of two models for rows, each pair in an order that only chance knows.

    Raises:
        EvaluateError: there are no rows, a model fails, or nothing can be kept.
        TrainError: the rows cannot be read.
    """
    guided = any(needs_guidance(each.format) for each in models)
    chosen = held_out(path, most=rows, seed=asked.seed, split=split, guided=guided)
    progress = progress or Progress({"takes": len(models) * len(chosen)})
    written: list[dict[str, Take]] = []
    try:
        with Kept(folder) as kept:
            for number, model in enumerate(models, 1):
                # Names would tell which one is slow.
                progress.begin(f"Model {number} of {len(models)} writes")
                written.append(_takes(model, chosen, asked, kept, progress, open_engine))
    finally:
        progress.close()
    return [_shown(row, models, written, asked.seed) for row in chosen]


def _takes(
    model: Contestant,
    rows: Sequence[Row],
    asked: Asked,
    kept: Kept,
    progress: Progress,
    open_engine: OpenContestant | None,
) -> dict[str, Take]:
    context = context_for(rows, asked)
    seat = Seat(model, asked, kept, context, open_engine or opening(), progress)
    try:
        return {row.id: seat.take(row) for row in rows}
    finally:
        seat.close()


def _shown(
    row: Row, models: Sequence[Contestant], written: Sequence[dict[str, Take]], seed: int
) -> Shown:
    texts = {
        model.identity: takes[row.id].answer for model, takes in zip(models, written, strict=True)
    }
    # By their bytes, so that the order in which they are named tells nothing.
    left, right = sorted(models, key=lambda each: each.identity)
    name = key(
        row.id, row.context, left.identity, *(texts[each.identity] for each in (left, right))
    )
    if random.Random(f"{seed}:{name}").random() < 0.5:
        left, right = right, left
    source = row.source
    book = ", ".join(each for each in (source.title or source.id, source.author) if each)
    place = " · ".join(each for each in (book, row.chapter) if each)
    pair = Pair(name, place, row.context, texts[left.identity], texts[right.identity])
    return Shown(pair, row, left, right)


def _ask(screen: Terminal, shown: Sequence[Shown], judged: set[str], file: Path) -> None:
    whose = {each.pair.pair: each for each in shown}

    def keep(pair: Pair, said: Said) -> None:
        add(file, judgement(whose[pair.pair], said))

    asking = Comparing([each.pair for each in shown], judged, keep, screen.size())
    going_on = True
    try:
        while going_on:
            screen.draw(asking.screen())
            pressed = screen.key()
            if pressed == RESIZED:
                asking.resize(screen.size())
            else:
                going_on = asking.press(pressed)
    except KeyboardInterrupt:
        return


def judgement(shown: Shown, said: Said) -> Judgement:
    """What was said of a pair, by the models that wrote it."""
    sides = {"left": shown.left, "right": shown.right}
    paces: dict[str, Pace] = {
        shown.left.identity: said.left,
        shown.right.identity: said.right,
    }
    return Judgement(
        pair=shown.pair.pair,
        row=shown.row.id,
        book=shown.row.source.id,
        models={each.identity: each.name for each in sides.values()},
        better=sides[said.better].identity if said.better else "",
        paces=paces,
        left=shown.left.identity,
    )


def results_in(folder: Path, *, seed: int = 1) -> list[Results]:
    """What the judgements in a folder come to.

    Raises:
        EvaluateError: there are none, or they cannot be read.
    """
    found = results(load(folder / NAME), seed=seed)
    if not found:
        where = visible(str(folder), newlines=False)
        raise EvaluateError(f"Nothing was judged yet in {where}; compare two models first.")
    return found


def folder_beside(path: Path) -> Path:
    """Where takes and judgements go that nobody named a folder for: beside the data set."""
    return placing.folder_beside(path, FOLDER, in_recipe=FOLDER)


def lines(found: Sequence[Results]) -> list[str]:
    """Results as lines for a reader; fit to be shown."""
    return [line for each in found for line in told(each)]
