"""PURE. The card of a data set: what is in it, where it comes from, what it must not be used for.

Its head is the YAML that the Hub reads: licence, languages, task, size, and a configuration for
each prompt format with its files by split.
Source: https://huggingface.co/docs/hub/datasets-cards.
"""

import json
import re
from collections.abc import Mapping, Sequence

from storytui.story.prompt import prompt_format
from storytui.story.visible import visible
from storytui_train.data.dataset.statistics import UNKNOWN, Statistics, Table, markdown
from storytui_train.data.examples import WRITTEN
from storytui_train.recipe import Recipe

PRIVATE = (
    "**This data set holds private texts: {rows} of its rows are cut from manuscripts or takes "
    "that are marked private. It must not be published, nor sent to a trainer that is not on this "
    "machine.**"
)
_HUB_LICENCES = re.compile(
    "apache-2.0|mit|cc0-1.0|cc-by-(?:nc-)?(?:sa-|nd-)?[1-4].[05]|cc-by-[1-4].[05]|odc-by|odbl|pddl"
    "|unlicense|openrail|gpl-3.0|agpl-3.0|bsd-3-clause|cdla-permissive-2.0|unknown"
)
"""The Hub's names of licences that a data set of stories may have."""
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_PATH = re.compile(r"[/~\\]|\.{1,2}[\\/]|[A-Za-z]:[\\/]|.*\.gguf$|.*\\", re.DOTALL | re.IGNORECASE)
"""What a path begins or ends with, and no name of a model on a server."""
TEACHERS = "Teachers"
"""The title of the table of those who wrote plans."""
_MOST_ROWS = 40
"""Rows of a table in the card; `statistics.md` has all."""


def card(
    recipe: Recipe,
    statistics: Statistics,
    files: Mapping[str, Mapping[str, str]],
    left_out: Mapping[str, int],
    pictures: Sequence[str] = (),
) -> str:
    """The text of `README.md`.

    Args:
        recipe: what the data set was made by.
        statistics: of its rows.
        files: by prompt format and split, seen from the card.
        left_out: how many rows were left out, by reason.
        pictures: plots, seen from the card.
    """
    parts = [f"---\n{_head(recipe, statistics, files)}---\n"]
    parts.append(f"# {_line(recipe.name)}\n")
    if statistics.private:
        parts.append(PRIVATE.format(rows=f"{statistics.private:,}") + "\n")
    parts.append(
        "Examples that teach a model to continue a story after thinking about it: a context, a "
        "plan of what comes next, and the author's own continuation. Made with storytui-train.\n"
    )
    parts.append(_use(files))
    tables = [_without_paths(each) for each in statistics.tables()]
    parts.append(markdown(tables, longest=_MOST_ROWS).rstrip() + "\n")
    parts += [_sources(recipe, statistics), _teacher(statistics), _left_out(left_out)]
    parts.append(_limits(statistics))
    if pictures:
        shown = "\n".join(f"![{each.rpartition('/')[2][:-4]}]({each})" for each in pictures)
        parts.append(f"## Pictures\n\n{shown}\n")
    return "\n".join(parts)


def licence_of(recipe: Recipe, statistics: Statistics) -> tuple[str, str]:
    """The licence as the Hub names it, and in the words of the recipe or the sources.

    Args:
        recipe: its `licence` counts.
        statistics: the sources' licences, where the recipe names none.
    """
    words = recipe.licence or "; ".join(sorted(statistics.licences)) or UNKNOWN
    name = words.strip().lower().replace(" ", "-")
    return (name, words) if _HUB_LICENCES.fullmatch(name) else ("other", words)


def size_of(rows: int) -> str:
    """The Hub's class of sizes for so many rows."""
    return next((name for most, name in _SIZES if rows < most), "1M<n<10M")


def teacher_name(model: str) -> str:
    """What a teacher is called in a card: of a path, which tells of a machine, the file's name.

    >>> teacher_name("/home/anna/models/Big-7B-Q4_K_M.gguf"), teacher_name("deepseek/deepseek-r1")
    ('Big-7B-Q4_K_M.gguf', 'deepseek/deepseek-r1')
    """
    return re.split(r"[\\/]", model)[-1] or model if _PATH.match(model) else model


def _without_paths(table: Table) -> Table:
    """A table whose models are no paths."""
    if table.title != TEACHERS:
        return table
    rows = tuple((teacher_name(first), *rest) for first, *rest in table.rows)
    return Table(table.title, table.header, rows)


def _head(recipe: Recipe, statistics: Statistics, files: Mapping[str, Mapping[str, str]]) -> str:
    """The YAML, each value in JSON's form, which YAML reads too."""
    licence, words = licence_of(recipe, statistics)
    languages = sorted(each for each in statistics.languages if each != UNKNOWN)
    lines: list[tuple[str, object]] = [("pretty_name", recipe.name), ("license", licence)]
    if licence == "other":
        lines.append(("license_name", re.sub(r"[^a-z0-9.]+", "-", words.lower()).strip("-")))
    if languages:
        lines.append(("language", languages))
    lines += [
        ("task_categories", ["text-generation"]),
        ("size_categories", [size_of(statistics.rows)]),
        ("tags", ["fiction", "story-continuation", "reasoning", "storytui"]),
        ("configs", _configurations(files)),
    ]
    return "".join(f"{key}: {json.dumps(value, ensure_ascii=False)}\n" for key, value in lines)


def _configurations(files: Mapping[str, Mapping[str, str]]) -> list[dict[str, object]]:
    made: list[dict[str, object]] = []
    for form, splits in files.items():
        paths = [{"split": split, "path": path} for split, path in splits.items()]
        made.append({"config_name": form, "data_files": paths})
        if len(made) == 1:
            made[0]["default"] = True
    return made


def _use(files: Mapping[str, Mapping[str, str]]) -> str:
    lines = ["## Prompt formats\n"]
    for form in files:
        answer = (
            "The answer is exactly what follows the context's last character, white space included."
            if prompt_format(form).verbatim
            else "The answer has no white space at its edges."
        )
        lines.append(f"- `{form}`: `<reasoning>…</reasoning><answer>…</answer>`. {answer}")
    lines.append(
        "\nThe user messages are rendered by the same function as the editor's prompts. "
        "`messages` is the conversation; `prompt` and `completion` are its two halves. The JSONL "
        "files hold `messages` alone, as hosted trainers take them; `rows/` holds the rows "
        "themselves, each with its source, its place there and the edits that cleaned it.\n"
    )
    return "\n".join(lines)


def _sources(recipe: Recipe, statistics: Statistics) -> str:
    books: dict[tuple[str, str], int] = {}
    for part in statistics.parts.values():
        for book, count in part.books.items():
            books[book] = books.get(book, 0) + count
    lines = ["## Sources and licences\n"]
    for name, count in sorted(statistics.licences.items()):
        lines.append(f"- {_line(name)}: {count:,} rows")
    lines.append(f"\nThe data set as a whole: {_line(licence_of(recipe, statistics)[1])}.\n")
    shown = sorted(books.items())[:_MOST_ROWS]
    lines += [
        f"- {_line(title or id)} ({_line(id)}): {count:,} rows" for (id, title), count in shown
    ]
    if len(books) > len(shown):
        lines.append(f"- and {len(books) - len(shown):,} more")
    return "\n".join(lines) + "\n"


def _teacher(statistics: Statistics) -> str:
    if not statistics.teachers:
        return "## Teacher\n\nNo row has a plan written by a teacher.\n"
    lines = ["## Teacher\n"]
    models = [each for each in statistics.teachers if each.model != WRITTEN]
    for each in statistics.teachers:
        if each not in models:
            lines.append(f"- people, who knew the continuation: the plans of {each.rows:,} rows")
            continue
        asked = ""
        if each.requests:
            prompts = ", ".join(each.prompts)
            asked = f" in {each.requests:,} replies (prompts {_line(prompts)})"
        name = _line(teacher_name(each.model))
        lines.append(f"- {name}: the plans of {each.rows:,} rows{asked}")
    if not models:
        return "\n".join(lines) + "\n"
    cost = ""
    if any(each.requests for each in models):
        spent = sum(each.cost for each in models)
        cost = f"Cost of the rows that are here: {spent:.2f} US dollars. "
    lines.append(
        f"\n{cost}The teacher saw the continuation and was asked to plan as if it had not; plans "
        "that quote it were refused. "
        "The terms of the teacher's provider may bind what is trained on its words.\n"
    )
    return "\n".join(lines)


def _left_out(left_out: Mapping[str, int]) -> str:
    if not left_out:
        return "## Left out\n\nNothing.\n"
    lines = [f"- {_line(reason)}: {count:,} rows" for reason, count in sorted(left_out.items())]
    return "## Left out\n\n" + "\n".join(lines) + "\n"


def _limits(statistics: Statistics) -> str:
    lines = [
        "Old books have the manners, the prejudices and the spelling of their time.",
        "Plans are written by those who knew what comes; an author planned otherwise.",
        "The texts may have been in the training data of the models that are trained on them.",
    ]
    if any(each != UNKNOWN for each in statistics.licences) and not statistics.private:
        lines.append("What is in the public domain in one country may not be so in another.")
    if len(statistics.splits) < 3:
        lines.append("There is no split for each of training, validation and test.")
    return "## Known limits\n\n" + "\n".join(f"- {each}" for each in lines) + "\n"


def _line(text: str) -> str:
    """Text from a recipe, a file or a server on one line of Markdown, without its marks."""
    flat = visible(" ".join(text.split()), newlines=False)
    return re.sub(r"([\\`*_\[\]<>#|])", r"\\\1", flat)
