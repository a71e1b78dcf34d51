"""Pipeline blocks that know about stories: from sources to documents, and from those to rows.

Imports datatrove; only a stage that runs imports this.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from datatrove.data import Document as Carried
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers import JsonlWriter

from storytui_train.data.accounting import figures_of
from storytui_train.data.chunk import cut_book
from storytui_train.data.clean import clean
from storytui_train.data.documents import Document, Gathered, Refusal, Source
from storytui_train.data.examples import Row
from storytui_train.data.overlap import Held, refusal_of
from storytui_train.data.pipeline.progress import Marks
from storytui_train.data.sources.extraction import extract
from storytui_train.data.sources.finished import finished_rows
from storytui_train.data.split import SplitPlan
from storytui_train.errors import SourceError
from storytui_train.recipe import ChooseOptions, ChunkOptions, CleanOptions

Struct = TypeVar("Struct", bound=msgspec.Struct)


def read_lines(path: Path, kind: type[Struct]) -> Iterator[Struct]:
    """The structs of a file, one a line."""
    decoder = msgspec.json.Decoder(kind)
    with path.open("rb") as lines:
        for line in lines:
            if line.strip():
                yield decoder.decode(line)


def carry(struct: Document | Row) -> Carried:
    """A document or row as datatrove carries it."""
    if isinstance(struct, Document):
        text = struct.cleaned.text
        return Carried(text=text, id=struct.source.id, metadata={"document": struct})
    text = struct.context + struct.continuation
    return Carried(text=text, id=struct.id, metadata={"row": struct})


def document_of(page: Carried) -> Document:
    """The document that datatrove carries."""
    return msgspec.convert(page.metadata["document"], Document)


def row_of(page: Carried) -> Row:
    """The row that datatrove carries."""
    return msgspec.convert(page.metadata["row"], Row)


class ReadLines(JsonlReader):
    """Reads a stage's parts; piece N of the work reads part N."""

    name = "Lines"

    def __init__(self, folder: Path, kind: type[Document] | type[Row]) -> None:
        super().__init__(str(folder), compression=None, recursive=False, add_file_path=False)
        self.kind = kind

    def read_file(self, filepath: str) -> Iterator[Carried]:
        """Each line of a part."""
        decoder = msgspec.json.Decoder(self.kind)
        with self.data_folder.open(filepath, "rb") as lines:
            for line in lines:
                yield carry(decoder.decode(line))


class WriteLines(JsonlWriter):
    """Writes what it is given into one part for each piece of the work."""

    name = "Lines"

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder), output_filename="${rank}.jsonl", compression=None)

    def write(self, document: Carried, rank: int = 0, **_named: Any) -> None:
        """One line."""
        file = self.output_mg.get_file(f"{rank:05d}.jsonl")
        line = document.metadata.get("document") or document.metadata["row"]
        file.write(msgspec.json.encode(line) + b"\n")

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Carried]:
        """Write all, and pass it on; the part is there even where nothing came."""
        self.output_mg.get_file(f"{rank:05d}.jsonl")
        yield from super().run(data, rank, world_size)


class Refusing(PipelineStep):
    """A step that can leave things out, and writes down why."""

    type = "🔻 - FILTER"

    def __init__(self, refused: Path) -> None:
        super().__init__()
        self.refused = refused

    def refusals(self, rank: int) -> "RefusalFile":
        """Where this piece's refusals go."""
        return RefusalFile(self.refused / f"{type(self).__name__}-{rank:05d}.jsonl")


class RefusalFile:
    """A list of what was left out; made anew by each try."""

    def __init__(self, path: Path) -> None:
        """Begin the list."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("wb")

    def __enter__(self) -> "RefusalFile":
        return self

    def __exit__(self, *_told: object) -> None:
        self._file.close()

    def add(self, refusal: Refusal) -> None:
        """One more."""
        self._file.write(msgspec.json.encode(refusal) + b"\n")


class Mark(PipelineStep):
    """Leaves a mark for each that comes by, for the bar that the user sees."""

    type = "⏱ - PROGRESS"
    name = "Marks"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Carried]:
        """Mark, and pass on."""
        marks = Marks(self.folder, rank)
        try:
            for each in data:
                yield each
                marks.one()
        finally:
            marks.close()


class Clean(Refusing):
    """Reads this piece's sources, extracts and cleans them."""

    name = "Clean"

    def __init__(
        self, sources: Path, root: Path, options: CleanOptions, refused: Path, marks: Path
    ) -> None:
        super().__init__(refused)
        self.sources, self.root, self.options, self.marks = sources, root, options, marks

    def run(self, data: Any = None, rank: int = 0, world_size: int = 1) -> Iterator[Carried]:
        """The documents of sources rank, rank + world_size, …"""
        marks = Marks(self.marks, rank)
        try:
            with self.refusals(rank) as refused:
                for gathered in _share(self.sources, rank, world_size, rows=False):
                    found = self._document(gathered, refused)
                    if found is not None:
                        self.stat_update("documents")
                        yield carry(found)
                    marks.one()
        finally:
            marks.close()

    def _document(self, gathered: Gathered, refused: RefusalFile) -> Document | None:
        source = gathered.source
        try:
            extracted = extract(gathered, self.root)
        except SourceError as error:
            refused.add(_unreadable(source, "clean", error))
            return None
        with self.track_time():
            cleaned = clean(extracted, self.options)
        if not cleaned.chapters:
            refused.add(
                Refusal(
                    stage="clean",
                    id=source.id,
                    title=source.title,
                    reason="no story",
                    detail="No chapter with text was found in it.",
                )
            )
            return None
        if not source.encoding and extracted.encoding:
            source = msgspec.structs.replace(source, encoding=extracted.encoding)
        return Document(source=source, cleaned=cleaned)


class Judge(Refusing):
    """Measures documents, and leaves out what is not wanted."""

    name = "Judge"

    def __init__(self, options: ChooseOptions, refused: Path) -> None:
        super().__init__(refused)
        self.options = options

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Carried]:
        """The documents that are taken, with their measures."""
        from storytui_train.data.choose.judging import judge
        from storytui_train.data.choose.measuring import measure

        with self.refusals(rank) as refused:
            for each in data:
                with self.track_time():
                    document = measure(document_of(each))
                    if self.options.quality == "gopher":
                        document = self._graded(document)
                    why = judge(document, self.options)
                if why is None:
                    yield carry(document)
                else:
                    refused.add(why)

    def _graded(self, document: Document) -> Document:
        from storytui_train.data.choose.quality import grade

        return grade(document)


class Limit(PipelineStep):
    """Passes on the rows of some ids only."""

    type = "🔻 - FILTER"
    name = "Limit"

    def __init__(self, chosen: set[str] | None) -> None:
        super().__init__()
        self.chosen = None if chosen is None else sorted(chosen)

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Carried]:
        """Those rows; all of them where no ids are given."""
        chosen = None if self.chosen is None else frozenset(self.chosen)
        return (each for each in data if chosen is None or each.id in chosen)


class ListedRefusals:
    """Takes refusals of any task, and lists them in that task's file."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self._begun = False

    def __call__(self, refusal: Refusal, rank: int) -> None:
        """List one; the first one of a try begins the file anew."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{self.name}-{rank:05d}.jsonl"
        with path.open("ab" if self._begun else "wb") as file:
            file.write(msgspec.json.encode(refusal) + b"\n")
        self._begun = True


class Chunk(PipelineStep):
    """Cuts documents into rows, and counts what became of each."""

    type = "✂ - CHUNK"
    name = "Chunk"

    def __init__(self, options: ChunkOptions, seed: int, figures: Path) -> None:
        super().__init__()
        self.options, self.seed, self.figures = options, seed, figures

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Carried]:
        """The rows of each document."""
        self.figures.mkdir(parents=True, exist_ok=True)
        with (self.figures / f"{rank:05d}.jsonl").open("wb") as figures:
            for each in data:
                with self.track_time():
                    book = cut_book(document_of(each), self.options, self.seed)
                figures.write(msgspec.json.encode(figures_of(book)) + b"\n")
                yield from map(carry, book.rows())


class FinishedRows(Refusing):
    """Adds the rows of sources that hold finished ones."""

    name = "Finished rows"

    def __init__(self, sources: Path, root: Path, refused: Path) -> None:
        super().__init__(refused)
        self.sources, self.root = sources, root

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Carried]:
        """What comes, and then the finished rows of this piece's sources."""
        yield from data
        with self.refusals(rank) as refused:
            for gathered in _share(self.sources, rank, world_size, rows=True):
                try:
                    for each in finished_rows(gathered, self.root):
                        if isinstance(each, Refusal):
                            refused.add(each)
                        else:
                            yield carry(each)
                except SourceError as error:
                    refused.add(_unreadable(gathered.source, "chunk", error))


class Assign(Refusing):
    """Gives each row its split; rows of none, and rows that share text with what is held out, go.

    Training rows may share no run of words with the test or validation rows, validation rows none
    with the test rows.
    """

    name = "Split"

    def __init__(self, plan: Path, index: Path | None, refused: Path) -> None:
        super().__init__(refused)
        self.plan, self.index = plan, index

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Iterator[Carried]:
        """The rows that stay, with their splits."""
        plan = msgspec.json.decode(self.plan.read_bytes(), type=SplitPlan)
        held = None if self.index is None else _held(self.index)
        with self.refusals(rank) as refused:
            for each in data:
                row = row_of(each)
                name = plan.of(row)
                if name is None:
                    refused.add(_in_gap(row))
                    continue
                row = msgspec.structs.replace(row, split=name)
                why = None if held is None else refusal_of(row, held)
                if why is None:
                    yield carry(row)
                else:
                    refused.add(why)


def _held(index: Path) -> Held:
    import numpy as np

    with np.load(index) as found:
        return Held(found["test"], found["validation"], int(found["words"]))


def _in_gap(row: Row) -> Refusal:
    return Refusal(
        stage="split",
        id=row.id,
        title=row.source.title,
        reason="gap",
        detail="It stands in the chapters between two splits of one book.",
    )


def _unreadable(source: Source, stage: str, error: SourceError) -> Refusal:
    return Refusal(
        stage=stage,
        id=source.id,
        title=source.title,
        reason=getattr(error, "reason", "unreadable"),
        detail=str(error),
    )


def _share(sources: Path, rank: int, world_size: int, *, rows: bool) -> Iterable[Gathered]:
    """The sources of one piece of the work; those with finished rows, or those without."""
    of_kind = (each for each in read_lines(sources, Gathered) if each.rows == rows)
    return (each for number, each in enumerate(of_kind) if number % world_size == rank)
