"""What is published: repositories, each with its files and its card, before anything is sent."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

import storytui
from storytui.engine.api import ModelError
from storytui.folders import as_typed
from storytui.models.details import details_of
from storytui.models.hub.messages import SentFile
from storytui.models.hub_cache import repository_of
from storytui.models.names import BUILT_IN
from storytui.story.visible import visible
from storytui_train.data.teacher.engines import model_file
from storytui_train.errors import PublishError, TeacherError
from storytui_train.publish.evaluation import Evaluation, evaluation_of
from storytui_train.publish.facts import Facts, facts_of, private_rows
from storytui_train.publish.found import (
    ADAPTER,
    ADAPTER_CONFIG,
    ADAPTER_WEIGHTS,
    DATASET,
    EVALUATION,
    MERGED,
    GgufFile,
    files_below,
    gguf_files,
    read_json,
    template_of,
)
from storytui_train.publish.making_check import Made, check_made
from storytui_train.publish.model_card import About, Kind, Relation, card
from storytui_train.publish.modelfile import modelfile
from storytui_train.publish.permission import check, private_sources
from storytui_train.publish.private_models import PrivateModels
from storytui_train.recipe import Recipe

PartName = Literal["adapter", "merged", "gguf", "dataset"]
PARTS: tuple[PartName, ...] = ("dataset", "merged", "adapter", "gguf")
"""In the order in which they are sent: cards name what was sent before."""
ENDINGS: dict[PartName, str] = {
    "adapter": "-adapter",
    "merged": "",
    "gguf": "-GGUF",
    "dataset": "-dataset",
}
"""What the name of each part's repository ends in."""
CARD = "README.md"
MODELFILE = "Modelfile"


@dataclass(frozen=True, slots=True)
class Bundle:
    """One repository's files."""

    part: PartName
    repository: str
    kind: Literal["model", "dataset"]
    files: tuple[SentFile, ...]

    @property
    def card(self) -> str:
        """The text of its card."""
        return next((text_of(each) for each in self.files if each.name == CARD), "")

    @property
    def modelfiles(self) -> tuple[SentFile, ...]:
        """Those for Ollama."""
        return tuple(each for each in self.files if each.name.startswith(MODELFILE))


@dataclass(frozen=True, slots=True)
class Publication:
    """All that is published."""

    name: str
    """What it is called in cards, files and commits."""
    private: bool
    bundles: tuple[Bundle, ...]


def text_of(file: SentFile) -> str:
    """What a file of text holds."""
    if not file.path:
        return file.text
    return Path(file.path).read_text(encoding="utf-8", errors="replace")


def size_of(file: SentFile) -> int:
    """Bytes of a file."""
    return Path(file.path).stat().st_size if file.path else len(file.text.encode())


def make_publication(
    recipe: Recipe,
    folder: Path,
    *,
    recipe_path: Path | None,
    repository: str,
    parts: Sequence[PartName],
    public: bool,
) -> Publication:
    """Look at what a working folder has, and write cards and Modelfiles for it.

    Args:
        recipe: what it was made by.
        folder: the working folder.
        recipe_path: the recipe's file; None: it has none.
        repository: owner/name; parts get endings to it.
        parts: what is published.
        public: whether everybody is to see it.

    Raises:
        PublishError: it may not be published, something is not there, or its card would not be
            complete.
    """
    check(recipe, parts, public=public, private_rows=private_rows(folder))
    made = check_made(folder, parts)
    _check_models(recipe, parts, made, _folder_of(recipe_path), public=public)
    files = gguf_files(folder, made.exported)
    facts = facts_of(recipe, recipe_path, folder, files)
    making = _Making(recipe, folder, repository, tuple(parts), facts, files, recipe_path, made)
    ordered = [each for each in PARTS if each in parts]
    return Publication(making.name, not public, tuple(making.bundle(each) for each in ordered))


def _check_models(
    recipe: Recipe, parts: Sequence[PartName], made: Made, recipe_folder: Path, *, public: bool
) -> None:
    """See that the base, and what stands beside it in the evaluation, may be known to others.

    Raises:
        PublishError: one was trained on private texts.
    """
    if not any(part in parts for part in ("adapter", "merged", "gguf")):
        return
    private = PrivateModels(made.exported.values())
    bases = private.named((recipe.train.base, recipe.train.gguf), recipe_folder)
    bases = tuple(dict.fromkeys((*bases, *private.among([made.base]))))
    check(recipe, parts, public=public, private_bases=bases)
    others = [each for each in private.among(made.measured) if each not in bases]
    if others:
        raise PublishError(
            f"The evaluation has figures of {', '.join(others)}, trained here on private texts, "
            "and the card would name it. Take it out of models under [evaluate] in the recipe, and "
            "run storytui-train evaluate again."
        )


def _folder_of(recipe_path: Path | None) -> Path:
    return recipe_path.parent if recipe_path is not None else Path()


class _Making:
    """The bundles of one working folder."""

    def __init__(
        self,
        recipe: Recipe,
        folder: Path,
        repository: str,
        parts: tuple[PartName, ...],
        facts: Facts,
        files: tuple[GgufFile, ...],
        recipe_path: Path | None,
        made: Made,
    ) -> None:
        self._recipe = recipe
        self._folder = folder
        self._repository = repository
        self._parts = parts
        self._facts = facts
        self._files = files
        self._recipe_folder = _folder_of(recipe_path)
        self._evaluation: Evaluation | None = evaluation_of(folder, made.evaluated)
        private = facts.private_rows or private_sources(recipe)
        if self._evaluation and private and recipe.publish.private_texts != "rows":
            # Its samples quote the texts, and its report names them.
            self._evaluation = self._evaluation.without_files()

    def bundle(self, part: PartName) -> Bundle:
        """The files of one part.

        Raises:
            PublishError: there are none.
        """
        repository = self._repository + ENDINGS[part]
        if part == "dataset":
            return Bundle(part, repository, "dataset", tuple(self._dataset()))
        files = list({"adapter": self._adapter, "merged": self._merged, "gguf": self._gguf}[part]())
        if self._evaluation is not None:
            files += [
                SentFile(f"{EVALUATION}/{each.name}", str(each)) for each in self._evaluation.files
            ]
        about = self._about(part, repository, tuple(each.name for each in files))
        readme = SentFile(CARD, "", card(about, self._evaluation))
        return Bundle(part, repository, "model", (readme, *files))

    # --- files ------------------------------------------------------------------------------------

    def _dataset(self) -> Iterator[SentFile]:
        folder = self._folder / DATASET
        if not (folder / CARD).is_file():
            raise self._missing("data set", folder, "storytui-train dataset")
        yield SentFile(CARD, str(folder / CARD))
        for path in files_below(folder):
            yield SentFile(path.relative_to(folder).as_posix(), str(path))

    def _adapter(self) -> Iterator[SentFile]:
        folder = self._folder / ADAPTER
        config = read_json(folder / ADAPTER_CONFIG)
        if not config or not (folder / ADAPTER_WEIGHTS).is_file():
            raise self._missing("adapter", folder, "storytui-train train")
        # What it was trained on may be a path of this machine.
        told = config | {"base_model_name_or_path": self._facts.base, "revision": None}
        text = msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n"
        yield SentFile(ADAPTER_CONFIG, "", text)
        for path in files_below(folder):
            if path.name != ADAPTER_CONFIG:
                yield SentFile(path.relative_to(folder).as_posix(), str(path))

    def _merged(self) -> Iterator[SentFile]:
        folder = self._folder / MERGED
        weights = [*folder.glob("*.safetensors")]
        if not (folder / "config.json").is_file() or not weights:
            raise PublishError(
                f"There are no merged weights in {_shown(folder)}: a config.json with safetensors "
                'files. Make them with outputs = ["weights"] under [export], or leave merged out '
                "of the parts: merged GGUF files are sent with gguf."
            )
        for path in files_below(folder):
            yield SentFile(path.relative_to(folder).as_posix(), str(path))

    def _gguf(self) -> Iterator[SentFile]:
        if not self._files:
            raise self._missing("GGUF file", self._folder / "gguf", "storytui-train export")
        for file in self._files:
            for path in (file.path, *file.further):
                yield SentFile(path.name, str(path))
        yield from self._modelfiles()

    def _modelfiles(self) -> Iterator[SentFile]:
        """A Modelfile for each file that Ollama can use; it takes no divided ones."""
        usable = [each for each in self._files if not each.further]
        for file in usable:
            name = MODELFILE if len(usable) == 1 else f"{MODELFILE}-{file.path.stem}"
            text = self._for_adapter(file) if file.is_adapter else self._for_model(file)
            if text:
                yield SentFile(name, "", text)

    def _for_model(self, file: GgufFile) -> str:
        template, context = template_of(file.path)
        return modelfile(
            model=f"./{file.path.name}",
            template=template,
            context=context,
            licence=self._facts.licence,
            about=(f"{visible(self.name, newlines=False)}, for Ollama",),
        )

    def _for_adapter(self, file: GgufFile) -> str:
        base = self._base_gguf()
        if base is None:
            return ""
        template, context = template_of(base)
        model, note = _as_ollama_names(base)
        return modelfile(
            model=model,
            template=template,
            context=context,
            adapter=f"./{file.path.name}",
            licence=self._facts.licence,
            about=(f"{visible(self.name, newlines=False)}, an adapter for Ollama", *note),
        )

    def _base_gguf(self) -> Path | None:
        """The GGUF of the base, where one is here and in order."""
        train = self._recipe.train
        for named in filter(None, (train.gguf, train.base)):
            path = self._recipe_folder / as_typed(named)
            if not path.is_file() and "/" in named:
                continue
            built_in = named.strip().casefold() == BUILT_IN
            try:
                return model_file(str(path) if path.is_file() else "" if built_in else named)
            except TeacherError:
                continue
        return None

    # --- what is said -----------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """What it is called."""
        return self._recipe.export.name or self._recipe.name

    def _about(self, part: Kind, repository: str, files: tuple[str, ...]) -> About:
        facts, recipe = self._facts, self._recipe
        own = f"{self._repository}{ENDINGS['dataset']}"
        datasets = (own, *facts.datasets) if "dataset" in self._parts else facts.datasets
        base = facts.base
        relation: Relation = "finetune"
        if part == "adapter" or (part == "gguf" and all(each.is_adapter for each in self._files)):
            relation = "adapter"
        elif part == "gguf" and "merged" in self._parts:
            base, relation = self._repository, "quantized"
        return About(
            name=self.name,
            kind=part,
            repository=repository,
            base=base,
            relation=relation,
            licence=facts.licence,
            languages=facts.languages,
            datasets=datasets,
            tags=recipe.publish.tags,
            train=recipe.train,
            files=files,
            sources=facts.sources,
            splits=facts.splits,
            teachers=facts.teachers,
            private_rows=facts.private_rows,
            steps=facts.steps,
            validation=facts.validation,
            recipe=facts.recipe,
            version=storytui.__version__,
        )

    def _missing(self, what: str, where: Path, command: str) -> PublishError:
        return PublishError(
            f"There is no {what} in {_shown(where)}. Make it with {command} first, or leave it out "
            "of the parts."
        )


def _as_ollama_names(base: Path) -> tuple[str, tuple[str, ...]]:
    """What stands behind FROM for a base, and what has to be said about it."""
    repository = repository_of(base)
    if repository:
        try:
            kind = details_of(base).quantisation
        except ModelError:
            kind = ""
        return f"hf.co/{repository}{f':{kind}' if kind else ''}", ()
    return f"./{base.name}", (f"Put {visible(base.name, newlines=False)} beside this file first.",)


def _shown(path: Path) -> str:
    return visible(str(path), newlines=False)
