"""A recipe: what is read, how it is cut, who teaches, and what comes out. One TOML file.

Everything has a default but the sources. `load` turns the file into typed values once; what it
cannot read it says by section and key.
"""

import tomllib
from pathlib import Path
from typing import Any, Literal

import msgspec

from storytui_train.errors import RecipeError
from storytui_train.recipe_training import (
    EvaluateOptions,
    ExportOptions,
    PromptFormatName,
    PublishOptions,
    TrainOptions,
)


class GutenbergSource(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="type",
    tag="gutenberg",
):
    """Books of Project Gutenberg, by number, author, subject or topic."""

    ids: tuple[int, ...] = ()
    authors: tuple[str, ...] = ()
    """Parts of names, as in the catalogue; any of them."""
    subjects: tuple[str, ...] = ()
    """Parts of subjects; any of them."""
    topics: tuple[str, ...] = ()
    """Parts of subjects or bookshelves, asked of the API where there is one."""
    languages: tuple[str, ...] = ("en",)
    limit: int = 0
    """The most books; 0: all."""
    folder: str = ""
    """A folder or local mirror with the books' files; nothing is downloaded then."""
    catalog: str = ""
    """The catalogue file (pg_catalog.csv, plain or .gz, or a TSV of the same columns); empty: the
    mirror's, kept in the working folder."""
    api: str = ""
    """Address of a Gutendex-style API, used for topics and for books the catalogue lacks."""
    mirror: str = "https://aleph.gutenberg.org"
    """http(s):// or rsync:// address of a mirror; the web site itself is not to be harvested."""
    seconds_between: float = 2.0
    """Between two requests to one host."""
    contact: str = ""
    """An address for the mirror's keeper, sent in the user agent."""


class ManuscriptSource(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="type",
    tag="manuscripts",
):
    """Her own texts: txt, Markdown, docx, epub, HTML, or folders of chapters."""

    paths: tuple[str, ...]
    author: str = ""
    title: str = ""
    """Of a single manuscript; empty: the file's own."""
    folders: Literal["auto", "book", "books"] = "auto"
    """Whether a folder is one book in chapters, or books; auto: by its files' names and sizes."""
    private: bool = True
    language: str = ""
    licence: str = "private"


class DatasetSource(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="type",
    tag="dataset",
):
    """Any JSONL, Parquet, or Hugging Face dataset with a column of texts."""

    path: str
    """A file, a folder, or the name of a dataset on the Hub."""
    text: str = "text"
    title: str = "title"
    author: str = "author"
    split: str = "train"
    limit: int = 0
    licence: str = ""
    private: bool = False


class PublishedSource(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="type",
    tag="published",
):
    """Rows in the published prompt and response form (molbal/reasoning-story-completion)."""

    path: str
    prompt: str = "prompt"
    response: str = "response"
    split: str = "train"
    limit: int = 0
    licence: str = ""


class TakesSource(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="type",
    tag="takes",
):
    """What she accepted in the editor, with its context; only where the recipe says so."""

    folder: str = ""
    """The editor's data folder; empty: its usual place."""
    manuscripts: tuple[str, ...] = ()
    """Only of these files; empty: of all."""
    minimum_words: int = 40
    """Words accepted of a take, at the least."""
    private: bool = True


SourceOptions = GutenbergSource | ManuscriptSource | DatasetSource | PublishedSource | TakesSource


class CleanOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How texts are cleaned."""

    quotes: Literal["keep", "straight", "curly"] = "keep"
    dashes: Literal["keep", "em"] = "keep"
    emphasis: Literal["markdown", "keep", "drop"] = "markdown"
    """What becomes of underscores and small capitals."""
    footnotes: Literal["drop", "keep"] = "drop"


class ChooseOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which texts are good enough, and right."""

    languages: tuple[str, ...] = ("en",)
    """ISO 639-1; empty: all."""
    kinds: tuple[Literal["prose", "verse", "play"], ...] = ("prose",)
    fiction: Literal["only", "any"] = "only"
    minimum_words: int = 2_000
    maximum_words: int = 0
    """0: no limit."""
    duplicates: Literal["drop", "keep"] = "drop"
    """Near-duplicate editions; the longest is kept."""
    quality: Literal["gopher", "off"] = "gopher"
    keep: tuple[str, ...] = ()
    """Ids of sources that are kept whatever is found."""
    refuse: tuple[str, ...] = ()
    """Ids of sources that are left out."""


class ChunkOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How texts are cut into context and continuation."""

    context_sentences: int = 80
    continuation_sentences: int = 20
    context_words: int = 0
    """In words instead of sentences, to the nearest sentence's end; 0: in sentences."""
    continuation_words: int = 0
    stride_sentences: int = 0
    """From one row's cut to the next one's; 0: the continuation's length, so that behind the
    first full context every sentence of a chapter is in one continuation."""
    early_rows: bool = False
    """Whether there are rows near a chapter's beginning too, with shorter contexts."""
    after_sentences: int = 5
    minimum_context_sentences: int = 8
    """A shorter context is not worth learning from."""
    minimum_continuation_sentences: int = 5
    varied_cuts: float = 0.15
    """Share of rows that are cut where a writer's cursor stands: in mid-sentence, after an opened
    quotation, at a paragraph's or a scene's end."""
    kinds: tuple[Literal["prose", "verse", "play"], ...] = ("prose",)
    """Chapters of other kinds are left out: a canto or a scene inside a novel."""
    rows_per_book: int = 0
    """The most rows of one book, spread over it; 0: all."""


class SplitOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which authors, books or chapters are held out."""

    by: Literal["auto", "author", "book", "chapter", "place"] = "auto"
    """auto: by author; of a single author by book; of a single book by chapter. place: within each
    book, whatever its chapters are: stretches of some two thousand words stand for them."""
    validation: float = 0.05
    test: float = 0.05
    """Shares of the rows, kept as nearly as whole authors allow."""
    validation_authors: tuple[str, ...] = ()
    test_authors: tuple[str, ...] = ()
    gap_chapters: int = 1
    """Chapters (or places) between splits that belong to none, where one book is split."""
    overlap_words: int = 13
    """A training row that shares so many words in a row with the test set is dropped; 0: off."""


class TeacherOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who writes the reasonings."""

    kind: Literal["none", "endpoint", "batch", "vllm", "local", "written"] = "none"
    """written: nobody is asked, the plans are there; of the rest only `file`, `writer`,
    `plan_words`, `leak_words`, `leak_limit` and `guidance` are heeded then."""
    file: str = ""
    """The plans, seen from the recipe's folder: lines of JSON with the `id` of a row, its
    `reasoning`, and `guidance` where there is one."""
    writer: str = ""
    """The model that wrote what is in the file, as cards name it; empty: people did."""
    url: str = "https://openrouter.ai/api/v1"
    model: str = "deepseek/deepseek-r1"
    """The teacher's name at the endpoint, or a GGUF by name or path where kind is local."""
    key_variable: str = "OPENROUTER_API_KEY"
    """The environment variable that holds the key."""
    plans: int = 4
    """Plans for each row, of which the best is kept."""
    attempts: int = 4
    """Replies asked for a plan until one is usable."""
    plan_words: tuple[int, int] = (40, 220)
    leak_words: int = 6
    leak_limit: float = 0.0
    """Share of the plan's runs of `leak_words` words that may stand in the continuation."""
    temperature: float = 0.8
    max_tokens: int = 4_096
    """Of one reply at the most, a thinking model's own thoughts among them."""
    extra: dict[str, Any] = {}
    """Sent with every request as it is: options of one provider (`provider`, `reasoning`, …)."""
    concurrency: int = 16
    timeout: float = 120.0
    """Seconds without a sign of life after which a request counts as not answered."""
    retries: int = 10
    """How often a request that was not answered is sent again, longer and longer apart."""
    unanswered: Literal["stop", "list"] = "stop"
    """Rows of which a request was not answered in the end: stop, so that they are asked for again,
    or list them and go on without them."""
    prompt_price: float = 0.0
    completion_price: float = 0.0
    """US dollars for a million tokens; 0: as the endpoint reports."""
    budget: float = 0.0
    """US dollars at the most; 0: no limit. A teacher that is not on this machine needs one."""
    send_private: bool = False
    """Whether texts marked private may be sent to a teacher that is not on this machine."""
    guidance: bool = True
    rows: int = 0
    """The most rows that are given to the teacher; 0: all."""


class ScoreOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How plans are judged by a local model."""

    model: str = ""
    """A GGUF by name or path; empty: no scoring, and the first usable plan is kept."""
    format: PromptFormatName = "storytui-1"
    minimum_gain: float = 0.0
    """Percent of perplexity; training rows whose best plan gains less are dropped."""
    drop: bool = True
    context_words: int = 0
    """Of the context that the judge reads, from its end; 0: all of it."""


class DatasetOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What comes out."""

    formats: tuple[PromptFormatName, ...] = ("storytui-1", "cra-v1", "cra-v1-guided")
    files: tuple[Literal["jsonl", "parquet"], ...] = ("jsonl", "parquet")
    later: float = 0.2
    """Share of storytui-1 rows that are given what follows the cursor."""
    direction: float = 0.5
    """Share that are given the guidance as direction."""
    length: float = 0.5
    """Share that are given the length."""
    without_reasoning: Literal["drop", "keep"] = "drop"
    """Rows without a plan: kept, their reply is the answer alone, as where the editor asks for no
    reasoning."""


class RunOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the stages are run."""

    executor: Literal["local", "slurm", "ray"] = "local"
    workers: int = 0
    """Processes; 0: one for each core."""
    tasks: int = 0
    """Pieces the work is cut into; 0: one for each document, 256 at the most."""
    partition: str = ""
    time: str = "04:00:00"
    cpus_per_task: int = 1
    memory_per_cpu: int = 2
    """Gigabytes. These four are for Slurm; the last two for Ray too."""
    ray_address: str = ""


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it."""

    name: str
    folder: str = ""
    """The working folder, seen from the recipe's own; empty: the recipe's name without ending."""
    seed: int = 1
    licence: str = ""
    """Of the dataset, for its card."""
    sources: tuple[SourceOptions, ...] = ()
    clean: CleanOptions = CleanOptions()
    choose: ChooseOptions = ChooseOptions()
    chunk: ChunkOptions = ChunkOptions()
    split: SplitOptions = SplitOptions()
    teacher: TeacherOptions = TeacherOptions()
    score: ScoreOptions = ScoreOptions()
    dataset: DatasetOptions = DatasetOptions()
    run: RunOptions = RunOptions()
    train: TrainOptions = TrainOptions()
    export: ExportOptions = ExportOptions()
    evaluate: EvaluateOptions = EvaluateOptions()
    publish: PublishOptions = PublishOptions()


def load(path: Path) -> Recipe:
    """Read a recipe.

    Raises:
        RecipeError: it is not there, is no TOML, or a key or value is not known.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise RecipeError(f"The recipe {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise RecipeError(f"The recipe {path} is not UTF-8 text.") from error
    try:
        return msgspec.convert(tomllib.loads(text), Recipe)
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"The recipe {path} is not valid TOML: {error}.") from error
    except msgspec.ValidationError as error:
        raise RecipeError(f"In the recipe {path}: {error}.") from error
