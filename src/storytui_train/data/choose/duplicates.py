"""Near-duplicate editions, found by datatrove's MinHash: books, and chapters in different books.

Four steps, as datatrove has them: signatures (any number of tasks), buckets (`BUCKETS` tasks, no
input), clusters (one task, no input), and the filter (any number of tasks). Documents come as
datatrove's, with ours in `metadata["document"]` as builtins.

The folder must be empty before the first step; what is in it is read by the later ones.
"""

import struct
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
import numpy as np
from datatrove.data import Document as Page
from datatrove.io import get_datafolder
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.dedup import (
    MinhashConfig,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupSignature,
)
from datatrove.utils.typeshelper import StatHints

from storytui.story.visible import visible
from storytui.story.words import count_words
from storytui_train.data.choose.alike import Likeness, Member, Text, Verdict, verdicts
from storytui_train.data.choose.judging import refusal
from storytui_train.data.choose.samples import bodies
from storytui_train.data.choose.shingles import Numbers, Shingles
from storytui_train.data.choose.tokens import WORDS
from storytui_train.data.documents import Document, Refusal

BUCKETS = 20
HASHES = 4
"""Of each bucket. Two texts become candidates with a probability of 1 - (1 - J^4)^20 at a Jaccard
index J of their runs of five words: 99.6 % at 0.7, 94 % at 0.6, 72 % at 0.5, 0.02 % at 0.06. The
curve turns at (1/20)^(1/4) = 0.47. Measured: editions of one novel, up to thirty years apart, have
0.85 to 1.00; Franklin's life in two editors' spellings 0.71; a volume and the whole 0.5; two books
of one author below 0.003. Candidates are then compared by all 80 values (`alike`), so that the low
threshold costs nothing."""
SHORTEST = 100
"""Words of a chapter that is compared; a motto may stand in two books."""
_LINES = 256
"""Lines that are read from a file of signatures at a time."""
_FILE = "duplicates.json"


def config() -> MinhashConfig:
    """How texts are signed."""
    return MinhashConfig(n_grams=5, num_buckets=BUCKETS, hashes_per_bucket=HASHES)


def signature_block(folder: str) -> PipelineStep:
    """Step 1: sign each book and each chapter; any number of tasks."""
    return BookSignatures(f"{folder}/signatures")


def buckets_block(folder: str) -> PipelineStep:
    """Step 2: find equal buckets; run it with `BUCKETS` tasks and no input."""
    return MinhashDedupBuckets(
        f"{folder}/signatures", f"{folder}/buckets", config=config(), lines_to_buffer=_LINES
    )


def cluster_block(folder: str, keep: Iterable[str] = ()) -> PipelineStep:
    """Step 3: say what goes; run it with one task and no input.

    Args:
        folder: the one of the other steps.
        keep: ids of sources of which nothing goes.
    """
    return BookClusters(folder, frozenset(keep))


def filter_block(
    folder: str, refused: Callable[[Refusal, int], None] = lambda refusal, rank: None
) -> PipelineStep:
    """Step 4: pass on what stays; any number of tasks.

    Args:
        folder: the one of the other steps.
        refused: told of each refusal, with the rank of the task.
    """
    return DuplicateFilter(folder, refused)


def sift(document: Document, verdict: Verdict | None) -> tuple[Document | None, list[Refusal]]:
    """A document without what stands in another one too.

    Returns:
        The document, without the chapters that go, or None where it goes as a whole; and a
        refusal for what went, which says what is kept in its place.
    """
    if verdict is None:
        return document, []
    keep = (
        f' To keep it, add "{visible(document.source.id)}" to choose.keep in the recipe, or set '
        'choose.duplicates to "keep".'
    )
    if verdict.whole is not None:
        what = f"It is nearly the same as {_named(verdict.whole)}, which is kept.{keep}"
        return None, [refusal(document, "duplicate", what)]
    refusals: list[Refusal] = []
    chapters = []
    for number, chapter in enumerate(document.cleaned.chapters, 1):
        like = verdict.chapters.get(number)
        if like is None:
            chapters.append(chapter)
            continue
        title = f" “{visible(chapter.title)}”" if chapter.title else ""
        what = (
            f"Its chapter {number}{title} is nearly the same as {_named(like)}, which is kept; the "
            f"other chapters stay.{keep}"
        )
        refusals.append(refusal(document, "duplicate chapter", what))
    cleaned = msgspec.structs.replace(document.cleaned, chapters=tuple(chapters))
    return msgspec.structs.replace(document, cleaned=cleaned), refusals


def _named(like: Likeness) -> str:
    title = f"“{visible(like.title)}” " if like.title else ""
    chapter = f"chapter {like.chapter} of " if like.chapter else ""
    return f"{chapter}{title}({visible(like.book)}; {round(100 * like.share)} % in common)"


def _document(page: Page) -> Document:
    return msgspec.convert(page.metadata["document"], Document)


class BookSignatures(MinhashDedupSignature):
    """datatrove's signatures, of each chapter of a book and of the whole, with a list of what
    they are of."""

    def __init__(self, folder: str) -> None:
        """Sign into a folder."""
        super().__init__(folder, config=config(), language=WORDS)
        self._runs = Shingles(self.config.n_grams, self._hash_func)

    def run(self, data: Iterable[Page], rank: int = 0, world_size: int = 1) -> None:
        """Sign what comes."""
        with self.output_folder.open(f"texts/{rank:05d}.jsonl", "wb") as listing:
            super().run(self._signed(data, listing.write), rank, world_size)

    def get_shingles(self, text: Any) -> Any:
        """What `_signed` hands on in a text's place: a signature, or nothing."""
        return text

    def get_signature(self, shingles: Any) -> list[list[int]]:
        """A signature as datatrove writes it."""
        rows: list[list[int]] = shingles.tolist()
        return rows

    def _signed(self, data: Iterable[Page], write: Callable[[bytes], Any]) -> Iterator[Page]:
        """For each book its chapters and itself, their signatures in the place of text."""
        for page in data:
            document = _document(page)
            texts = bodies(document)
            words = [count_words(text) for text in texts]
            whole = _unsigned()
            for number, text in enumerate(texts, 1):
                signature = self._sign(text)
                if signature.size:
                    whole = np.minimum(whole, signature)
                if words[number - 1] >= SHORTEST:
                    write(_line(document, number, words[number - 1], sum(words)))
                    yield Page(text=signature, id="")
            write(_line(document, 0, sum(words), sum(words)))
            signed = bool((whole != _unsigned()).any())
            yield Page(text=whole if signed else _NOTHING, id="")

    def _sign(self, text: str) -> Numbers:
        """The signature of a chapter: one row for each bucket; nothing where it has no runs.

        The least values over a book are the least of its chapters', so no text is read twice.
        """
        signature = _unsigned()
        any_runs = False
        # Where a stretch ends, a few runs are lost; of a million.
        for at in range(0, len(text), _STRETCH):
            runs = self._runs.of(text[at : at + _STRETCH])
            any_runs = any_runs or runs.size > 0
            for start in range(0, len(runs), _PIECE):
                rows = super().get_signature(runs[start : start + _PIECE].reshape(-1, 1))
                signature = np.minimum(signature, np.array(rows, dtype=np.uint64))
        return signature if any_runs else _NOTHING


_PIECE = 4_096
"""Runs that are permuted at a time; of each there are `BUCKETS * HASHES` numbers."""
_STRETCH = 2_000_000
"""Characters that are cut into words at a time, so that memory is flat."""
_NOTHING: Numbers = np.empty(0, dtype=np.uint64)


def _unsigned() -> Numbers:
    return np.full((BUCKETS, HASHES), np.iinfo(np.uint64).max, dtype=np.uint64)


def _line(document: Document, chapter: int, words: int, book_words: int) -> bytes:
    source = document.source
    text = Text(
        book=source.id, title=source.title, chapter=chapter, words=words, book_words=book_words
    )
    return msgspec.json.encode(text) + b"\n"


class BookClusters(MinhashDedupCluster):
    """datatrove's clusters, and of each the text that stays: not one that happens to come first,
    but the same one however the books were spread over tasks."""

    def __init__(self, folder: str, keep: frozenset[str] = frozenset()) -> None:
        """Read from a folder, and write what goes into it."""
        super().__init__(
            f"{folder}/buckets",
            f"{folder}/clusters",
            config=config(),
            save_cluster_id=True,
            lines_to_buffer=_LINES,
        )
        self.signatures = get_datafolder(f"{folder}/signatures")
        self.keep = keep

    def run(self, data: Any = None, rank: int = 0, world_size: int = 1) -> None:
        """Cluster, and choose."""
        super().run(data, rank, world_size)
        with self.track_time():
            clusters: dict[int, list[Member]] = defaultdict(list)
            for name in sorted(self.output_folder.list_files(glob_pattern="*.clusters")):
                number = int(name.split(".")[0])
                with self.output_folder.open(name, "rb") as file:
                    cluster_of = dict(struct.iter_unpack("<2I", file.read()))
                for index, member in self._members(number, frozenset(cluster_of)):
                    clusters[cluster_of[index]].append(member)
            found = verdicts(clusters.values(), self.keep)
            self.stat_update("books that go", value=sum(1 for each in found.values() if each.whole))
            with self.output_folder.open(_FILE, "wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(found)))

    def _members(self, task: int, indexes: frozenset[int]) -> Iterator[tuple[int, Member]]:
        """Texts of a task of step 1 by their places in it, with all values of their signatures."""
        texts: dict[int, Text] = {}
        with self.signatures.open(f"texts/{task:05d}.jsonl", "rb") as file:
            for index, line in enumerate(file):
                if index in indexes:
                    texts[index] = msgspec.json.decode(line, type=Text)
        values = {index: array("Q") for index in indexes}
        record = struct.Struct(f"<{HASHES}{self.config.hash_config.struct_format}I")
        for bucket in range(BUCKETS):
            name = f"bucket_{bucket:03d}/{task:05d}.minhash.sig"
            with self.signatures.open(name, "rb") as file:
                while block := file.read(record.size * _LINES):
                    for *found, index in record.iter_unpack(block):
                        if index in values:
                            values[index].extend(found)
        for index in sorted(indexes):
            yield index, (texts[index], values[index])


class DuplicateFilter(PipelineStep):
    """Passes on the books that stay, without the chapters that go."""

    type = "🫂 - DEDUP"
    name = "Near-duplicate editions"

    def __init__(self, folder: str, refused: Callable[[Refusal, int], None]) -> None:
        """Read what goes from a folder, when the first book comes."""
        super().__init__()
        self.folder = get_datafolder(f"{folder}/clusters")
        self.refused = refused

    def run(self, data: Iterable[Page], rank: int = 0, world_size: int = 1) -> Iterator[Page]:
        """Pass on what stays."""
        with self.folder.open(_FILE, "rb") as file:
            found = msgspec.json.decode(file.read(), type=dict[str, Verdict])
        for page in data:
            self.stat_update(StatHints.total)
            with self.track_time():
                document, refusals = sift(_document(page), found.get(page.id))
            for each in refusals:
                self.refused(each, rank)
            if document is None:
                self.stat_update(StatHints.dropped)
                continue
            if refusals:
                page.metadata["document"] = msgspec.to_builtins(document)
            self.stat_update(StatHints.forwarded)
            yield page
