"""`storytui-train prepare INPUT… --out DIR`: cuts files or folders into rows, at once."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from storytui_train.commands.run import tell
from storytui_train.data.documents import Gathered, Refusal
from storytui_train.data.pipeline.gathering import gather_with, takes_twice
from storytui_train.data.pipeline.running import Work, run_stages
from storytui_train.data.pipeline.workplace import Workplace
from storytui_train.errors import RecipeError, TrainError
from storytui_train.recipe import ChooseOptions, ChunkOptions, Recipe, RunOptions

WORK = "work"


def run(options: argparse.Namespace) -> int:
    """Prepare rows; returns the exit status.

    `DIR/chunks.jsonl` has a row a line, `DIR/report.json` says what became of each text, and
    `DIR/work` is kept, so that a second run does only what changed.
    """
    inputs = [Path(each) for each in options.inputs]
    catalog = Path(options.catalog) if options.catalog else None
    for each in [*inputs, *([catalog] if catalog else [])]:
        if not each.exists():
            raise RecipeError(f"{each} is not there.")
    out = Path(options.out)
    if out.exists() and not out.is_dir():
        raise RecipeError(f"{out} is a file; --out names a folder.")
    if options.workers != 1:
        # It imports what the stages need beside this process, which does so here.
        from storytui_train.data.pipeline import nursery

        nursery.prepare()
    from storytui_train.data.pipeline.preparing import write_prepared
    from storytui_train.data.pipeline.stages import LAST_OF_PREPARE, stages
    from storytui_train.data.sources.gathering import gather_paths
    from storytui_train.data.sources.place import Place

    recipe = _recipe(options)

    def gather(work: Work) -> Iterator[Gathered | Refusal]:
        place = Place(Path(), work.place.folder, work.told)
        yield from gather_paths(inputs, place, catalog=catalog, twice=takes_twice(work))

    place = Workplace(out / WORK, Path())
    with place.alone():
        done = run_stages(stages(gather_with(gather)), recipe, place, tell, until=LAST_OF_PREPARE)
        report = write_prepared(out, recipe, place, done)
    if options.json:
        print(report.as_json())
    else:
        print(report.as_text(), file=sys.stderr)
    if not report.rows:
        raise TrainError(f"No row came out; {out / 'report.json'} says why for each text.")
    return 0


def _recipe(options: argparse.Namespace) -> Recipe:
    languages = tuple(filter(None, (each.strip() for each in options.languages.split(","))))
    choose = ChooseOptions(
        languages=() if "all" in languages else languages,
        duplicates="keep" if options.keep_duplicates else "drop",
    )
    if options.any_kind:
        choose = ChooseOptions(
            languages=choose.languages,
            duplicates=choose.duplicates,
            kinds=("prose", "verse", "play"),
            fiction="any",
        )
    chunk = ChunkOptions(
        context_sentences=options.context_sentences,
        continuation_sentences=options.continuation_sentences,
        stride_sentences=options.stride_sentences,
        kinds=choose.kinds,
        **({} if options.varied_cuts is None else {"varied_cuts": options.varied_cuts}),
    )
    return Recipe(
        name="prepared",
        seed=options.seed,
        choose=choose,
        chunk=chunk,
        run=RunOptions(workers=options.workers),
    )
