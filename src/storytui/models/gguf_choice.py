"""Which of a repository's files is the model that is wanted, whole or in parts."""

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from storytui.engine.api import ModelError
from storytui.story.visible import visible

_PART = re.compile(r"(.*)-(\d{5})-of-(\d{5})\.gguf", re.DOTALL | re.IGNORECASE)
_OTHER = re.compile(r"mmproj|imatrix|(?:^|[-_.])(?:lora|adapter)(?:[-_.]|$)", re.IGNORECASE)
"""Names of files that go with a model and are none."""
_MOST_NAMED = 8
MOST_PARTS = 1000


def choose_files(names: Iterable[str], patterns: Sequence[str], where: str) -> tuple[str, ...]:
    """The file that is wanted, or all parts of it in their order.

    The first pattern that a whole model fits decides. Where several fit it, the one with the
    shortest name is taken: makers add to the plain name what is special about a file.

    Args:
        names: the names of all files there, with `/` between folders.
        patterns: as in a shell (`*q4_k_m*.gguf`), the best first. They are held against a file's
            name and against its name with its folders, whatever the case.
        where: what holds the files, for the message: owner/name.

    Raises:
        ModelError: none fits, or parts are missing; the message says what there was.
    """
    models = sorted(name for name in set(names) if _is_model(name))
    missing = ""
    for pattern in patterns:
        fitting = [name for name in models if _fits(name, pattern)]
        whole: list[tuple[str, ...]] = []
        for group in _groups(fitting):
            gap = _gap(group)
            if not gap:
                whole.append(group)
            else:
                missing = missing or gap
        if whole:
            return min(whole, key=lambda group: (len(group[0]), group))
    wanted = " or ".join(_shown(each) for each in patterns)
    place = _shown(where)
    if missing:
        raise ModelError(f"{place} holds no whole model like {wanted}: {missing}.")
    if not models:
        raise ModelError(f"{place} holds no GGUF model. Look for one whose name ends in -GGUF.")
    raise ModelError(
        f"{place} holds no file like {wanted}. There {'are' if len(models) > 1 else 'is'}: "
        f"{_listed(models)}. Name one of them after a colon."
    )


def whole_models(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Every model among files, each with all its parts in their order; those with gaps left out."""
    models = sorted(name for name in set(names) if _is_model(name))
    return [group for group in _groups(models) if not _gap(group)]


def part_of(name: str) -> tuple[str, int, int] | None:
    """Of a divided model's part: its name without number, its number from 1, how many there are.

    None where the name is not that of a part, as llama.cpp's gguf-split gives them.
    """
    match = _PART.fullmatch(name)
    if match is None:
        return None
    number, count = int(match[2]), int(match[3])
    return (match[1], number, count) if 0 < number <= count <= MOST_PARTS else None


def _is_model(name: str) -> bool:
    return name.lower().endswith(".gguf") and not _OTHER.search(name.rpartition("/")[2])


def _fits(name: str, pattern: str) -> bool:
    name, pattern = name.lower(), pattern.lower()
    if fnmatchcase(name.rpartition("/")[2], pattern) or fnmatchcase(name, pattern):
        return True
    # A pattern for an undivided file fits the parts that it may be in one day.
    part = part_of(name)
    return part is not None and _fits(f"{part[0]}.gguf", pattern)


def _groups(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Files that belong together, each group in the order of its parts."""
    groups: dict[tuple[str, int], list[tuple[int, str]]] = {}
    for name in names:
        part = part_of(name)
        stem, number, count = part if part else (name, 1, 1)
        groups.setdefault((stem, count), []).append((number, name))
    return [tuple(name for _, name in sorted(group)) for group in groups.values()]


def _gap(group: tuple[str, ...]) -> str:
    """Which part is missing, in words; empty where none is."""
    parts = [part for name in group if (part := part_of(name))]
    if not parts:
        return ""
    stem, _, count = parts[0]
    numbers = {number for _, number, _ in parts}
    lost = next((number for number in range(1, count + 1) if number not in numbers), 0)
    return f"of the {count} parts of {_shown(stem)}, part {lost} is missing" if lost else ""


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(_shown(name) for name in names[:_MOST_NAMED])
    more = len(names) - _MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown


def _shown(text: str) -> str:
    return visible(text[:200], newlines=False)
