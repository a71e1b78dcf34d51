"""Counts the rows that a GGUF makes other tokens of than the base's own tokenizer does."""

from pathlib import Path
from typing import TYPE_CHECKING

from storytui_train.errors import TrainError
from storytui_train.stages.work import ModelWork

if TYPE_CHECKING:
    from storytui_train.training.tokenizers import Differences

_NAME = "export"


def other_tokens(work: ModelWork, base: Path) -> "Differences | None":
    """Compare the two over the rows that were trained on, and tell what was found.

    Args:
        work: the recipe and its folder.
        base: the GGUF file that the model is served with.

    Returns:
        What differs; None where the base has no tokenizer of its own, or it cannot be used.
    """
    from storytui.story.prompt import prompt_format
    from storytui_train.data.teacher.engines import open_vocabulary
    from storytui_train.training.base import base_place
    from storytui_train.training.row_making import read_rows
    from storytui_train.training.tokenizers import HuggingFaceTokenizer, differences, row_texts

    options, recipe = work.train, work.recipe
    kind, source = base_place(options)
    if kind == "gguf":
        return None
    engine = open_vocabulary(base)
    try:
        own = HuggingFaceTokenizer.of(source, options.revision if kind == "hub" else "")
        texts = row_texts(
            read_rows(work.dataset / "rows" / "train.jsonl"),
            prompt_format(options.format),
            recipe.dataset,
            recipe.seed,
            reasoning=options.reasoning,
        )
        found = differences(texts, own, engine)
    except TrainError as error:
        work.told(f"{_NAME}: the tokens of the GGUF were not compared with the base's: {error}")
        return None
    finally:
        engine.close()
    work.told(f"{_NAME}: {_said(work, found)}")
    return found


def _said(work: ModelWork, found: "Differences") -> str:
    from storytui_train.training.row_making import read_rows_record
    from storytui_train.training.row_source import in_own_tokens

    if not found.different:
        return f"all of {found.rows:,} rows have the same tokens in the GGUF as in the base"
    rows = read_rows_record(work.place.stage("train") / "rows")
    trained = "it was trained on those of the GGUF"
    if rows is not None and in_own_tokens(rows):
        trained = "it was trained on those of the base; --again train trains on those of the GGUF"
    return (
        f"{found.different:,} of {found.rows:,} rows have other tokens in the GGUF than in the "
        f"base ({found.prompts:,} in the prompt, {found.replies:,} in the reply, {found.ends:,} at "
        f"its end, {found.failed:,} in only one of them): {trained}"
    )
