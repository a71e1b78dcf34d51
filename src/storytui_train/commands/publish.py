"""`storytui-train publish`: brings what was made to the Hugging Face Hub, or shows what would."""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storytui.story.visible import visible
from storytui_train.errors import RecipeError

if TYPE_CHECKING:
    from storytui.models.hub.messages import Progress
    from storytui_train.publish.publication import Bundle, PartName, Publication
    from storytui_train.recipe import Recipe

PART_NAMES = ("adapter", "merged", "gguf", "dataset")
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", re.ASCII)
_EVERY = 0.1
"""Share of a repository after which a line is written."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument("path", metavar="RECIPE|FOLDER", help="a recipe, or its working folder")
    parser.add_argument(
        "--repository", default="", metavar="OWNER/NAME", help="where it goes; parts get endings"
    )
    parser.add_argument(
        "--parts",
        type=_parts,
        default=(),
        metavar="LIST",
        help=f"of {', '.join(PART_NAMES)}, with commas (default: the recipe's)",
    )
    parser.add_argument(
        "--public", action="store_true", help="for everybody to see (default: as the recipe says)"
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="show files, sizes, cards and Modelfiles; send nothing",
    )
    parser.add_argument("--json", action="store_true", help="print what was done as JSON")


def run(options: argparse.Namespace) -> int:
    """Publish, or show what would be; returns the exit status."""
    path, recipe, folder = _recipe_of(Path(options.path))
    repository = options.repository or recipe.publish.repository
    if not _REPOSITORY.fullmatch(repository):
        named = visible(repository, newlines=False) or "Nothing"
        raise RecipeError(
            f"{named} is no name of a repository. Say --repository OWNER/NAME, or repository under "
            "[publish] in the recipe."
        )
    if not folder.is_dir():
        raise RecipeError(
            f"There is no working folder {visible(str(folder))}; run the recipe first."
        )
    from storytui_train.publish.publication import make_publication

    parts: tuple[PartName, ...] = options.parts or recipe.publish.parts
    publication = make_publication(
        recipe,
        folder,
        recipe_path=path,
        repository=repository,
        parts=parts,
        public=options.public or not recipe.publish.private,
    )
    if options.dry_run:
        _show(publication, as_json=options.json)
        return 0
    from storytui_train.publish.publishing import send
    from storytui_train.training.shape_finding import hub_here

    sent = send(publication, hub_here(), message=f"Publish {publication.name}", told=_Told())
    if options.json:
        import msgspec

        print(msgspec.json.encode({"published": sent}).decode())
        return 0
    for each in sent:
        seen = "private" if each.private else "for everybody to see"
        print(f"{each.part}: {visible(each.address, newlines=False)} ({seen})")
    return 0


def _recipe_of(named: Path) -> "tuple[Path, Recipe, Path]":
    """The recipe that is named, or that a working folder was made by; and the working folder.

    Raises:
        RecipeError: there is none.
    """
    from storytui_train.commands.run import workplace
    from storytui_train.recipe import load

    if not named.is_dir():
        recipe = load(named)
        return named, recipe, workplace(named, recipe).folder
    # The root has no name, and what is named by a dot has one only from there on.
    whole = named.absolute()
    beside = [named / "recipe.toml"]
    beside += [whole.with_name(f"{whole.name}.toml")] if whole.name else []
    others = sorted(named.resolve().parent.glob("*.toml"))
    for path in (*beside, *others):
        if not path.is_file():
            continue
        try:
            recipe = load(path)
        except RecipeError:
            if path in beside:
                raise
            continue
        own = path.parent == named or workplace(path, recipe).folder.resolve() == named.resolve()
        if own:
            return path, recipe, named
    raise RecipeError(
        f"No recipe was found for {visible(str(named), newlines=False)}, and only a recipe says "
        "what may be published. Name the recipe instead."
    )


def _parts(text: str) -> tuple[str, ...]:
    parts = tuple(filter(None, (each.strip() for each in text.split(","))))
    unknown = [each for each in parts if each not in PART_NAMES]
    if unknown or not parts:
        raise argparse.ArgumentTypeError(f"{text} is no list of {', '.join(PART_NAMES)}")
    return tuple(dict.fromkeys(parts))


# --- what would be sent ---------------------------------------------------------------------------


def _show(publication: "Publication", *, as_json: bool) -> None:
    if as_json:
        told = {
            "name": publication.name,
            "private": publication.private,
            "repositories": list(map(_as_json, publication.bundles)),
        }
        print(json.dumps(told, ensure_ascii=False, indent=1))
        return
    from storytui_train.publish.publication import size_of, text_of

    seen = "private" if publication.private else "for everybody to see"
    print(
        f"It is called {visible(publication.name, newlines=False)} in cards, files and commits: "
        "name under [export] in the recipe, before storytui-train export.\n"
    )
    for bundle in publication.bundles:
        total = sum(size_of(each) for each in bundle.files)
        print(f"{bundle.repository} ({bundle.kind}, {seen}): {_size(total)}")
        for file in bundle.files:
            print(f"  {_size(size_of(file)):>10}  {visible(file.name, newlines=False)}")
        for file in (each for each in bundle.files if each.name == "README.md"):
            _text(file.name, text_of(file))
        for file in bundle.modelfiles:
            _text(file.name, text_of(file))
        print()
    print("Nothing was sent. Without --dry-run it is.")


def _text(name: str, text: str) -> None:
    print(f"\n  --- {visible(name, newlines=False)}")
    for line in visible(text).splitlines():
        print(f"  | {line}")


def _as_json(bundle: "Bundle") -> dict[str, Any]:
    from storytui_train.publish.publication import size_of, text_of

    return {
        "part": bundle.part,
        "repository": bundle.repository,
        "kind": bundle.kind,
        "files": [{"name": each.name, "bytes": size_of(each)} for each in bundle.files],
        "card": bundle.card,
        "modelfiles": {each.name: text_of(each) for each in bundle.modelfiles},
    }


class _Told:
    """Says how far it is, where it is worth a line."""

    def __init__(self) -> None:
        self._last: tuple[str, str, str, int] | None = None

    def __call__(self, bundle: "Bundle", step: "Progress") -> None:
        share = int(step.done / max(1, step.total) / _EVERY)
        mark = (bundle.repository, step.phase, step.note, share)
        if mark == self._last or step.phase == "asking":
            return
        self._last = mark
        percent = 100 * step.done // max(1, step.total)
        what = f"waiting: {step.note}" if step.phase == "waiting" else visible(step.file)
        print(
            f"{bundle.repository}: {percent} % of {_size(step.total)}{f', {what}' if what else ''}",
            file=sys.stderr,
            flush=True,
        )


def _size(count: int) -> str:
    if count >= 1 << 30:
        return f"{count / (1 << 30):.2f} GiB"
    if count >= 1 << 20:
        return f"{count / (1 << 20):.1f} MiB"
    return f"{count / 1024:.1f} KiB" if count >= 1024 else f"{count} B"
