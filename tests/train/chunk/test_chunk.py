"""Rows of invented chapters: every law that rows keep, whatever the text and the sizes."""

import itertools
import os
import re
import subprocess
import sys

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storytui_train.data.chunk import chunk, cut_book
from storytui_train.data.documents import Chapter, Cleaned, Document, Source
from storytui_train.data.edits import Edit, Edited, apply
from storytui_train.data.examples import Row
from storytui_train.recipe import ChunkOptions

SMALL = ChunkOptions(
    context_sentences=8,
    continuation_sentences=4,
    after_sentences=2,
    minimum_context_sentences=3,
    minimum_continuation_sentences=2,
)
PIECES = (
    "The rain had stopped. Nobody came. The road lay white under the moon.",
    "He went to the door; it was shut.",
    "“Come in,” she said. “It is cold. Sit down here.” He sat down.",
    "“No!” cried the boy. He ran out into the yard.",
    "“I was born at sea. My father was a pilot.\n\n“He died early. I never knew him well.”",
    "She read:\n\nThe rose is red,\nThe thorn is keen.\nThe rose is dead.",
    "LETTER THE FIRST\n\nI came to London in spring. It was dull.",
    "* * *",
    "Mr. Holt (he was old) said nothing. The clock struck ten and then it stopped again.",
)
STORIES = st.lists(st.lists(st.sampled_from(PIECES), min_size=1, max_size=14), max_size=3)
OPTIONS = st.builds(
    ChunkOptions,
    context_sentences=st.integers(3, 12),
    continuation_sentences=st.integers(1, 6),
    context_words=st.sampled_from([0, 0, 40]),
    continuation_words=st.sampled_from([0, 0, 15]),
    stride_sentences=st.sampled_from([0, 0, 1, 3, 9]),
    early_rows=st.booleans(),
    after_sentences=st.integers(0, 3),
    minimum_context_sentences=st.integers(1, 4),
    minimum_continuation_sentences=st.integers(1, 3),
    varied_cuts=st.sampled_from([0.0, 0.3, 1.0]),
    rows_per_book=st.sampled_from([0, 0, 3]),
)


def wrapped(text: str) -> Edited:
    """A text as it would have been cleaned from hard-wrapped lines."""
    source = re.sub(r" (?=\w+ \w+ )", "\r\n  ", text).replace("\n\n", "\n \n\n")
    edits = [Edit(*each.span(), " ") for each in re.finditer(r"\r\n  ", source)]
    edits += [Edit(*each.span(), "\n\n") for each in re.finditer(r"\n \n\n", source)]
    return Edited(source, sorted(edits))


def made(chapters: list[list[str]], kind: str = "prose") -> tuple[str, Document]:
    """A source and its document."""
    texts = ["\n\n".join(pieces).strip("* \n") for pieces in chapters]
    edited = wrapped("\n\n".join(f"CHAPTER {n}\n\n{text}" for n, text in enumerate(texts)))
    found, at = [], 0
    for number, text in enumerate(texts):
        at = edited.text.index(f"CHAPTER {number}\n\n", at) + len(f"CHAPTER {number}\n\n")
        end = at + len(text)
        found.append(Chapter(title=f"{number}", start=at, end=end, kind=kind))  # type: ignore[arg-type]
        at = end
    cleaned = Cleaned(text=edited.text, edits=tuple(edited.edits), chapters=tuple(found))
    return edited.source, Document(source=Source(id="book", kind="manuscript"), cleaned=cleaned)


def sentences(count: int, name: str = "Word") -> str:
    """Paragraphs of five sentences each."""
    texts = [f"{name} number {number} stood here." for number in range(count)]
    return "\n\n".join(" ".join(texts[at : at + 5]) for at in range(0, count, 5))


def places(document: Document, rows: list[Row]) -> list[tuple[int, int, int]]:
    """Where each row's context, continuation and end stand in the cleaned text."""
    text = document.cleaned.text
    found = []
    for row in rows:
        chapter = document.cleaned.chapters[row.chapter_number - 1]
        whole = row.context + row.continuation
        starts = [
            each.start() + chapter.start
            for each in re.finditer(
                f"(?={re.escape(whole + row.after)})", text[chapter.start : chapter.end]
            )
        ]
        assert starts, "context, continuation and what follows are one stretch of the chapter"
        start = starts[0]
        found.append((start, start + len(row.context), start + len(whole)))
    return found


@settings(max_examples=120, deadline=None)
@given(STORIES, OPTIONS, st.integers(0, 3))
def test_every_row_keeps_the_laws(chapters, options, seed):
    source, document = made(chapters)
    rows = list(chunk(document, options, seed))

    places(document, rows)  # within one chapter, contiguous
    assert len({row.id for row in rows}) == len(rows)
    for row in rows:
        text = row.context + row.continuation
        assert apply(source, row.edits, *row.span) == text
        assert row.context == row.context.strip() != ""
        assert row.continuation == row.continuation.rstrip() != ""
        assert row.after == row.after.rstrip()
        assert row.sentences[0] >= min(options.minimum_context_sentences, 1)
        assert row.sentences[1] >= 1
        if not options.context_words and row.sentences[0] != options.context_sentences:
            assert row.why
        if not options.continuation_words and row.sentences[1] != options.continuation_sentences:
            assert row.why
        inside = row.cut in ("mid-sentence", "quotation")
        assert row.starts == "mid-sentence" if inside else row.starts != "mid-sentence"
        assert row.continuation[0].isspace() == (row.cut != "quotation")
        assert ("\n\n" in row.continuation[:2]) == (row.starts in ("paragraph", "scene"))
        assert row.continuation.startswith("\n\n* * *\n\n") == (row.starts == "scene")
        if row.cut == "mid-sentence":
            assert re.search(r"\w[,;]?$", row.context)
            assert re.match(r" \w", row.continuation)
        if row.cut == "quotation":
            assert row.context.endswith("“")
    if options.varied_cuts == 0:
        assert {row.cut for row in rows} <= {""}
    if options.rows_per_book:
        assert len(rows) <= options.rows_per_book
    assert list(chunk(document, options, seed)) == rows


@settings(max_examples=100, deadline=None)
@given(STORIES, OPTIONS)
def test_a_cut_is_outside_of_speech_lines_and_headings_unless_on_purpose(chapters, options):
    _, document = made(chapters)
    rows = [row for row in chunk(document, options, 1) if not row.cut]
    for row, (_, cut, _) in zip(rows, places(document, rows), strict=True):
        chapter = document.cleaned.chapters[row.chapter_number - 1]
        before = document.cleaned.text[chapter.start : cut]
        assert before.rfind("”") >= before.rfind("“"), "a quotation is open"
        assert not row.continuation.startswith("\nThe"), "a verse is parted"
        assert not before.endswith(("THE FIRST", "read:"))
        assert not row.continuation.startswith(" cried the boy")


@settings(max_examples=60, deadline=None)
@given(STORIES, st.sampled_from([0.0, 0.5]), st.booleans())
def test_by_default_no_sentence_is_in_two_continuations(chapters, varied, early):
    _, document = made(chapters)
    options = ChunkOptions(
        **{name: getattr(SMALL, name) for name in SMALL.__struct_fields__}
        | {"varied_cuts": varied, "early_rows": early}
    )
    for chapter in cut_book(document, options, 1).chapters:
        for left, right in itertools.pairwise(chapter.plans):
            assert left.end <= right.cut


def test_a_chapter_of_plain_sentences_is_cut_as_asked():
    _, document = made([[sentences(140)]])
    rows = list(chunk(document, ChunkOptions(varied_cuts=0), 1))
    assert [row.sentences for row in rows] == [(80, 20)] * 3
    assert [row.why for row in rows] == [""] * 3
    assert [row.context.partition(" stood")[0] for row in rows] == [
        "Word number 0", "Word number 20", "Word number 40",
    ]  # fmt: skip
    assert rows[0].continuation.startswith("\n\nWord number 80 ")
    assert rows[0].starts == "paragraph"
    assert rows[0].after == " ".join(["\n\nWord number 100 stood here."] + [
        f"Word number {number} stood here." for number in range(101, 105)
    ])  # fmt: skip
    assert rows[2].after == ""


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (12, []),
        (13, [(8, 5)]),
        (28, [(8, 20)]),
        (60, [(40, 20)]),
        (99, [(79, 20)]),
        (100, [(80, 20)]),
        (103, [(80, 23)]),
        (105, [(80, 20), (80, 5)]),
        (119, [(80, 20), (80, 19)]),
    ],
)
def test_short_chapters_and_last_rows_are_shorter_and_say_so(count: int, expected: list):
    _, document = made([[sentences(count)]])
    rows = list(chunk(document, ChunkOptions(varied_cuts=0), 1))
    assert [row.sentences for row in rows] == expected
    assert all(bool(row.why) == (row.sentences != (80, 20)) for row in rows)


def test_early_rows_have_shorter_contexts():
    _, document = made([[sentences(60)]])
    rows = list(chunk(document, ChunkOptions(varied_cuts=0, early_rows=True), 1))
    assert [row.sentences for row in rows] == [(8, 20), (28, 20), (48, 12)]
    assert rows[0].why == "the chapter is short"


@pytest.mark.parametrize("stride", [1, 7, 20, 33])
def test_rows_follow_each_other_by_the_stride(stride: int):
    _, document = made([[sentences(200)]])
    options = ChunkOptions(varied_cuts=0, stride_sentences=stride)
    plans = cut_book(document, options, 1).chapters[0].plans
    assert [plan.cut for plan in plans[:5]] == [80 + stride * number for number in range(5)][
        : len(plans)
    ]
    assert plans[-1].end == 200 or plans[-1].cut + stride > 195


def test_sizes_in_words_go_to_the_nearest_end_of_a_sentence():
    _, document = made([[sentences(200)]])
    options = ChunkOptions(varied_cuts=0, context_words=203, continuation_words=48)
    rows = list(chunk(document, options, 1))
    assert {row.sentences for row in rows[:-1]} == {(41, 10)}
    assert {row.words for row in rows[:-1]} == {50}
    assert {row.why for row in rows[:-1]} == {""}


def test_a_context_begins_at_a_scene_that_is_near():
    _, document = made([[sentences(30), "* * *", sentences(100, "Then")]])
    rows = list(chunk(document, ChunkOptions(varied_cuts=0), 1))
    assert rows[1].context.startswith("Then number 0 ")
    assert rows[1].sentences == (70, 20)
    assert rows[1].why == "the context begins at a scene break"


def test_a_cut_moves_out_of_speech_of_several_paragraphs_and_says_so():
    speech = "\n\n".join(["“We sailed. We sank."] * 4) + "”"
    _, document = made([[sentences(75), speech, sentences(60, "Then")]])
    row = next(chunk(document, ChunkOptions(varied_cuts=0), 1))
    assert row.sentences == (82, 20)
    assert row.context.endswith("We sank.”")
    assert row.why == "the cut was moved out of quoted speech"


def test_a_quotation_longer_than_a_continuation_is_cut_on_purpose_between_paragraphs():
    speech = "\n\n".join(["“We sailed. We sank."] * 90) + "”"
    _, document = made([[sentences(20), speech, sentences(30, "Then")]])
    rows = list(chunk(document, ChunkOptions(varied_cuts=0.01), 1))
    forced = [row for row in rows if row.cut]
    assert len(forced) > 4
    assert {row.cut for row in forced} == {"paragraph"}
    assert all(row.continuation.startswith("\n\n“We sailed.") for row in forced)
    never = list(chunk(document, ChunkOptions(varied_cuts=0), 1))
    assert [row.context[-5:] for row in never] == ["here.", "ank.”", "here."]
    assert {row.cut for row in never} == {""}


def test_the_share_of_rows_cut_on_purpose_is_kept():
    _, document = made([["\n\n".join(PIECES[:4] * 60)]])
    options = ChunkOptions(
        context_sentences=10, continuation_sentences=4, varied_cuts=0.3,
        minimum_context_sentences=4, minimum_continuation_sentences=2,
    )  # fmt: skip
    rows = list(chunk(document, options, 1))
    share = sum(bool(row.cut) for row in rows) / len(rows)
    assert len(rows) > 100
    assert 0.25 < share < 0.35
    assert {row.cut for row in rows} == {"", "mid-sentence", "quotation", "paragraph"}
    other = [row.id for row in chunk(document, options, 2) if row.cut]
    assert other != [row.id for row in rows if row.cut]


def test_a_cap_spreads_the_rows_over_the_book():
    _, document = made([[sentences(300)], [sentences(300)]])
    options = ChunkOptions(rows_per_book=4, varied_cuts=0)
    assert [row.chapter_number for row in chunk(document, options, 1)] == [1, 1, 2, 2]


def test_chapters_of_other_kinds_are_skipped_unless_asked_for():
    _, document = made([[sentences(100)]], kind="verse")
    book = cut_book(document, ChunkOptions(), 1)
    assert [each.skipped for each in book.chapters] == ["verse"]
    assert list(book.rows()) == []
    assert len(list(chunk(document, ChunkOptions(kinds=("prose", "verse")), 1))) == 1


def test_rows_with_the_same_span_are_told_apart():
    scene = [sentences(12), "* * *", sentences(16, "Then"), "“Go. Now. Run. Away. Far.", "So.”"]
    _, document = made([scene * 3])
    options = ChunkOptions(
        context_sentences=20, continuation_sentences=8, stride_sentences=1, varied_cuts=0
    )
    spans = [row.span for row in chunk(document, options, 1)]
    rows = list(chunk(document, options, 1))
    assert len(set(spans)) < len(spans)
    assert any(row.id.endswith("~2") for row in rows)
    assert len({row.id for row in rows}) == len(rows)


def test_rows_are_the_same_bytes_in_every_process(tmp_path):
    _, document = made([[sentences(130)], list(PIECES) * 4])
    (tmp_path / "document.json").write_bytes(msgspec.json.encode(document))
    code = (
        "import sys, msgspec, hashlib\n"
        "from storytui_train.data.chunk import chunk\n"
        "from storytui_train.data.documents import Document\n"
        "from storytui_train.recipe import ChunkOptions\n"
        "document = msgspec.json.decode(open(sys.argv[1], 'rb').read(), type=Document)\n"
        "rows = list(chunk(document, ChunkOptions(context_sentences=20, varied_cuts=0.5), 3))\n"
        "print(len(rows), hashlib.sha256(msgspec.json.encode(rows)).hexdigest())\n"
    )
    shown = {
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "document.json")],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(shown) == 1
    assert int(shown.pop().split()[0]) > 3


def test_an_empty_book_gives_nothing():
    _, document = made([])
    assert list(chunk(document, ChunkOptions(), 1)) == []


def test_a_continuation_in_words_has_the_fewest_sentences_at_least():
    _, document = made([[sentences(60)]])
    options = ChunkOptions(
        context_words=100, continuation_words=25, varied_cuts=0, minimum_continuation_sentences=4
    )
    assert {row.sentences[1] for row in chunk(document, options, 1)} == {5}
    long = " ".join(["word"] * 30)
    _, document = made([[sentences(25), f"The {long}. The {long}.", sentences(60, "Then")]])
    row = next(row for row in chunk(document, options, 1) if row.why.startswith("the continuation"))
    assert row.sentences[1] == 4
    assert row.why == "the continuation has as few sentences as it may"
