"""The stage that makes models of what was trained: an adapter as GGUF, or whole models with it.

gguf/            the GGUF files, named by the GGUF convention
merged/          the base's safetensors with the adapter in them, where the recipe asks for weights
gguf/begun       what the folder is at work on: what is there of the same work is not made again
export.json      what made them; written last
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from storytui.folders import as_typed
from storytui.story.visible import visible
from storytui_train.data.pipeline.record import Record, hashes, sha256_of, write_atomically
from storytui_train.errors import GgufError, PublishError, RecipeError
from storytui_train.recipe import DatasetSource, GutenbergSource, PublishedSource
from storytui_train.stages.token_differences import other_tokens
from storytui_train.stages.weights import WEIGHTS, check_weights, make_weights
from storytui_train.stages.work import ModelWork, Sitting, served_base, shares, unwritten

if TYPE_CHECKING:
    from storytui_train.gguf.base_file import BaseFile
    from storytui_train.gguf.metadata import About, Source

NAME, FOLDER, BEGUN = "export", "gguf", "begun"
_WORK = ".adapter-f32.gguf"
"""What is merged, where no adapter is wanted."""
Output = Literal["adapter", "direct", "merged"]
"""Kinds of GGUF files."""


def export_stage(work: ModelWork, trained: Record) -> Record:
    """Make the GGUF files that the recipe asks for.

    Args:
        work: the recipe and its folder.
        trained: the record of the training.

    Raises:
        BaseModelError: there is no GGUF of the base.
        GgufError: one cannot be made.
    """
    from storytui_train.data.teacher.engines import model_fingerprint

    options = work.recipe.export
    base = served_base(work)
    inputs = {
        **{path: digest for path, digest in trained.outputs.items() if "/adapter/" in path},
        "base": model_fingerprint(base),
    }
    importance = _importance(work)
    if importance is not None:
        inputs["importance"] = sha256_of(importance)
    settings = {
        "name": model_name(work),
        "outputs": options.outputs,
        "adapter_type": options.adapter_type,
        **({} if options.scale == 1 else {"scale": options.scale}),
        "quantisation": options.quantisation,
        "format": work.recipe.train.format,
        "licence": work.recipe.publish.licence,
        "base": work.recipe.publish.base,
    }
    sitting = Sitting(work, NAME, inputs, settings)
    done = sitting.done()
    if done is not None:
        return done
    check_export(work, base)
    try:
        folder = _begin(work, sitting.wanted)
        made = _Making(work, base, folder, importance).all()
        if WEIGHTS in options.outputs:
            made += make_weights(work)
        outputs = hashes(made, work.place.folder)
    except OSError as error:
        raise unwritten(NAME, error) from error
    other = other_tokens(work, base)
    differing = {} if other is None else {"rows with other tokens": other.different}
    return sitting.finish({"files": len(made), **differing}, outputs)


def check_export(work: ModelWork, base: Path) -> None:
    """See that what the recipe asks for can be made, by what the files' headers say.

    Args:
        work: the recipe and its folder.
        base: the GGUF file that the model is served with.

    Raises:
        RecipeError: there is no such type, or a file that is read would be removed.
        GgufError: the base cannot be merged into that type or its own, or is no model.
    """
    from storytui_train.gguf.merge import check_can_keep
    from storytui_train.gguf.quantise import SAME, check_can_make, type_named
    from storytui_train.gguf.splits import read_model

    options = work.recipe.export
    importance = _importance(work)
    _check_apart(work, base, importance)
    if WEIGHTS in options.outputs:
        check_weights(work)
    if "direct" in options.outputs:
        check_can_keep(read_model(base), importance=importance is not None)
    if "merged" not in options.outputs or options.quantisation == SAME:
        return
    try:
        kind = type_named(options.quantisation)
    except GgufError as error:
        raise RecipeError(f"{error} It is quantisation under [export] in the recipe.") from error
    check_can_make(read_model(base), kind, importance=importance is not None)


def _check_apart(work: ModelWork, base: Path, importance: Path | None) -> None:
    """See that nothing that the recipe reads lies where GGUF files are written."""
    folder = work.place.stage(FOLDER)
    for what, path in _read(work, base, importance):
        if any(
            Path(seen(path)).is_relative_to(seen(folder))
            for seen in (os.path.abspath, os.path.realpath)
        ):
            raise RecipeError(
                f"{visible(str(path), newlines=False)}, named as {what} in the recipe, lies in the "
                "folder that the GGUF files are written to, and what is there is removed before. "
                "Put it elsewhere, and name its new place."
            )


def _read(work: ModelWork, base: Path, importance: Path | None) -> Iterator[tuple[str, Path]]:
    """Files and folders that the recipe names, but for those that are made here."""
    from storytui.models.gguf import further_parts
    from storytui_train.training.base import base_place

    yield "gguf or base under [train]", base
    for part in further_parts(base):
        yield "gguf or base under [train]", part
    kind, source = base_place(work.train)
    if kind != "hub":
        yield "base under [train]", Path(source)
    if importance is not None:
        yield "importance under [export]", importance
    naming = _Making(work, base, work.place.stage(FOLDER), None)
    own = {os.path.abspath(naming.path(each)) for each in gguf_outputs(work)}
    for named in work.recipe.evaluate.models:
        for each in (named, *named.split("+")):
            path = work.place.recipe_folder / as_typed(each)
            if each.strip() and path.is_file() and os.path.abspath(path) not in own:
                yield "models under [evaluate]", path


def model_name(work: ModelWork) -> str:
    """What the model is called."""
    return work.recipe.export.name.strip() or work.recipe.name.strip()


def gguf_outputs(work: ModelWork) -> tuple[Output, ...]:
    """The kinds of GGUF files that the recipe asks for, in its order."""
    wanted = dict.fromkeys(work.recipe.export.outputs)
    return tuple(each for each in wanted if each != "weights")


def files_of(work: ModelWork, exported: Record) -> dict[Output, Path]:
    """The files that were made, by what they are, in the order in which they were asked for."""
    paths = [work.place.folder / each for each in exported.outputs]
    wanted = gguf_outputs(work)
    base = served_base(work)
    naming = _Making(work, base, work.place.stage(FOLDER), None)
    names = {kind: naming.path(kind).name for kind in wanted}
    return {kind: path for kind in wanted for path in paths if path.name == names[kind]}


class _Making:
    """The GGUF files of one export."""

    def __init__(self, work: ModelWork, base: Path, folder: Path, importance: Path | None) -> None:
        from storytui_train.gguf.base_file import read_base_file

        self._work, self._folder, self._importance = work, folder, importance
        self._base: BaseFile = read_base_file(base)
        self._about = about(work)
        self._adapter = work.place.stage("train") / "adapter"

    def all(self) -> list[Path]:
        """Make what is not there yet; returns all files."""
        made: list[Path] = []
        # What is merged is the adapter that is there by then.
        for kind in sorted(gguf_outputs(self._work), key=lambda each: each != "adapter"):
            path = self.path(kind)
            if not path.is_file():
                self._make(kind, path)
            made.append(path)
        (self._folder / _WORK).unlink(missing_ok=True)
        return made

    def path(self, kind: Output) -> Path:
        """Where a file goes: a name by the GGUF convention."""
        from storytui.models.details import details_of
        from storytui_train.gguf.metadata import file_name

        options = self._work.recipe.export
        if kind == "adapter":
            name = file_name(self._about, self._base, options.adapter_type, "LoRA")
        elif kind == "merged":
            name = file_name(self._about, self._base, options.quantisation)
        else:
            own = details_of(self._base.path).quantisation
            name = file_name(self._about, self._base, own)
            if "merged" in options.outputs and own.upper() == options.quantisation.upper():
                name = file_name(self._about, self._base, f"{own}-direct")
        return self._folder / name

    def _make(self, kind: Output, path: Path) -> None:
        told = self._work.told
        if kind == "adapter":
            from storytui_train.gguf.adapter import convert_adapter

            options = self._work.recipe.export
            done = convert_adapter(
                self._adapter,
                self._base.path,
                path,
                self._about,
                kind=options.adapter_type,
                scale=options.scale,
            )
            told(f"{NAME}: {visible(path.name, newlines=False)}, {done.size / 1e6:,.1f} MB")
            return
        from storytui_train.gguf.merging import merge_files
        from storytui_train.gguf.quantise import SAME

        said = f"{NAME}: {visible(path.name, newlines=False)}"
        merged = merge_files(
            str(self._base.path),
            self._to_merge(),
            path,
            kind=SAME if kind == "direct" else self._work.recipe.export.quantisation,
            importance=self._importance,
            tell=shares(told, f"{said}: merged"),
            quantising=shares(told, f"{said}: quantised"),
        )
        told(f"{said}, {merged.size / 1e6:,.1f} MB, {merged.touched:,} tensors changed")

    def _to_merge(self) -> Path:
        """The adapter as GGUF: the one that was asked for, or one of 32 bits for this alone."""
        from storytui_train.gguf.adapter import convert_adapter

        if "adapter" in self._work.recipe.export.outputs:
            return self.path("adapter")
        path = self._folder / _WORK
        if not path.is_file():
            scale = self._work.recipe.export.scale
            convert_adapter(
                self._adapter, self._base.path, path, self._about, kind="f32", scale=scale
            )
        return path


def about(work: ModelWork) -> "About":
    """What the files say of the model. Titles of texts are not among it: they may be private."""
    from storytui_train.gguf.metadata import About

    recipe = work.recipe
    return About(
        name=model_name(work),
        prompt_format=recipe.train.format,
        licence=recipe.publish.licence,
        base=_base(work),
        datasets=_datasets(work),
        languages=recipe.choose.languages,
        tags=recipe.publish.tags,
        recipe=work.recipe_hash,
    )


def _base(work: ModelWork) -> "Source | None":
    """The base as the Hub has it; None: only its file says what it is."""
    from storytui_train.gguf.metadata import Source
    from storytui_train.publish.facts import base_of

    try:
        known = base_of(work.recipe, work.place.recipe_folder, work.place.folder, ())
    except PublishError:
        return None
    return Source(name="", address=known)


def _datasets(work: ModelWork) -> "tuple[Source, ...]":
    """What it was trained on, as far as everybody may read that."""
    from storytui_train.gguf.metadata import Source

    found: dict[str, Source] = {}
    for each in work.recipe.sources:
        if isinstance(each, GutenbergSource):
            name, address = "Project Gutenberg", "https://www.gutenberg.org"
        elif isinstance(each, PublishedSource) or (
            isinstance(each, DatasetSource) and not each.private
        ):
            if (work.place.recipe_folder / as_typed(each.path)).exists():
                continue
            name = address = each.path
        else:
            continue
        found.setdefault(name, Source(name=name, address=address))
    return tuple(found.values())


def _importance(work: ModelWork) -> Path | None:
    named = work.recipe.export.importance.strip()
    if not named:
        return None
    path = work.place.recipe_folder / as_typed(named)
    if not path.is_file():
        raise RecipeError(
            f"The importance matrix {visible(named, newlines=False)} is not there. Correct "
            "importance under [export] in the recipe."
        )
    return path


def _begin(work: ModelWork, wanted: str) -> Path:
    """The folder, in which nothing is of other work."""
    folder = work.place.stage(FOLDER)
    mark = folder / BEGUN
    same = mark.is_file() and mark.read_text("utf-8", "replace") == wanted
    if work.again or not same:
        mark.unlink(missing_ok=True)
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder)
        elif folder.is_symlink() or folder.exists():
            raise GgufError(
                f"{visible(str(folder), newlines=False)} is no folder of this program's. Put it "
                "elsewhere: GGUF files go there."
            )
        folder.mkdir(parents=True)
        write_atomically(mark, wanted.encode())
    return folder
