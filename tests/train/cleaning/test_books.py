"""The eighteen books of the folder come out whole, and with nothing that is not of the story."""

import re
from collections.abc import Callable

import pytest
from book_labels import ANYWHERE, BOOKS, LABELS, Label
from cleaning_laws import hold
from paragraph_accounting import (
    SUBSCRIPT,
    Account,
    Paragraph,
    chapter_paragraphs,
    compare,
    expected,
    unexplained,
    words_of,
)

from storytui_train.data.documents import SCENE_BREAK, Chapter, Cleaned

Book = Callable[[Label], Cleaned]
pytestmark = [
    pytest.mark.parametrize("label", LABELS, ids=lambda label: label.file.removesuffix(".txt")),
    pytest.mark.skipif(not BOOKS.is_dir(), reason=f"the books are not in {BOOKS}"),
]


def story_chapters(label: Label, cleaned: Cleaned) -> tuple[Chapter, ...]:
    """The chapters from the one that begins with the story's first or second paragraph."""
    begins = [each.words for each in expected(label)[:2]]
    for index, chapter in enumerate(cleaned.chapters):
        paragraphs = cleaned.text[chapter.start : chapter.end].split("\n\n", 1)
        if words_of(paragraphs[0]) in begins:
            return cleaned.chapters[index:]
    pytest.fail(f"no chapter begins with the story's first line: {label.first!r}")


def story(label: Label, cleaned: Cleaned) -> list[str]:
    return chapter_paragraphs(cleaned, story_chapters(label, cleaned))


def flat(text: str) -> str:
    return " ".join(text.split())


def test_the_labels_are_those_of_the_file(label: Label, book: Book) -> None:
    assert label.lines[label.body[0]].strip() == label.first
    assert label.lines[label.body[1]].strip() == label.last
    for first, last, title in label.chapters:
        heading = " ".join(label.lines[first : last + 1])
        assert words_of(title)[-len(words_of(heading)) :] == words_of(heading)
    kept = " ".join(" ".join(each.lines) for each in expected(label))
    for phrase in [*ANYWHERE, *label.never]:
        assert phrase not in kept, f"{phrase!r} is of the story"


def test_the_laws_hold(label: Label, book: Book) -> None:
    hold(label.extracted, book(label))


def test_the_story_begins_and_ends_where_it_does(label: Label, book: Book) -> None:
    paragraphs = story(label, book(label))
    last = [each for each in expected(label) if not each.is_break][-1]
    while paragraphs and words_of(paragraphs[-1]) in [("the", "end"), ("tableau",), ()]:
        paragraphs.pop()
    assert words_of(paragraphs[-1]) == last.words


def test_before_the_story_stands_a_preface_at_most(label: Label, book: Book) -> None:
    cleaned = book(label)
    before = len(cleaned.chapters) - len(story_chapters(label, cleaned))
    allowed = [words_of(each) for each in label.front]
    for chapter in cleaned.chapters[:before]:
        title = words_of(chapter.title)
        assert any(title[: len(each)] == each for each in allowed), f"{chapter.title!r}"


def test_the_chapters_are_the_books(label: Label, book: Book) -> None:
    found = [words_of(each.title) for each in story_chapters(label, book(label))]
    titles = [words_of(title) for _, _, title in label.chapters]
    assert len(found) == len(titles), [" ".join(each) for each in found[: len(titles) + 3]]
    for got, title in zip(found, titles, strict=True):
        assert got[: len(title)] == title or (not got and len(titles) == 1)


def test_nothing_stands_in_a_chapter_that_is_not_of_the_book(label: Label, book: Book) -> None:
    cleaned = book(label)
    text = "\n".join(
        f"{chapter.title}\n{cleaned.text[chapter.start : chapter.end]}"
        for chapter in cleaned.chapters
    )
    fronts = {words_of(each) for each in label.front}
    bodies = "\n".join(
        cleaned.text[chapter.start : chapter.end]
        for chapter in cleaned.chapters
        if words_of(chapter.title) not in fronts
    )
    found = [each for each in ANYWHERE if each in text]
    found += [each for each in label.never if each in bodies]
    assert not found, [
        flat(bodies[max(0, bodies.find(each) - 60) :][:150]) for each in found if each in bodies
    ]


def _of(label: Label, *names: str) -> list[range]:
    return [
        range(first, last + 1)
        for name in names
        for first, last, *_ in [
            each if len(each) > 1 else each * 2 for each in getattr(label, name)
        ]
    ]


def _account(label: Label, cleaned: Cleaned) -> Account:
    """What differs, but for what may be a part of a chapter's title, or the words THE END."""
    account = compare(expected(label), story(label, cleaned))
    titles = " ".join(" ".join(words_of(each.title)) for each in cleaned.chapters)
    loose = _of(label, "either", "signs")
    kept = []
    for each in account.missing:
        text = " ".join(each.words)
        loosely = any(each.line in lines for lines in loose) or len(text) < 600
        staged = label.play and text in ("scene", "act drop", "tableau")
        if staged or (loosely and text in titles):
            account.lost -= len(each.words)
        else:
            kept.append(each)
    account.missing = kept
    last = [("the", "end"), ("tableau",)]
    account.added = [each for each in account.added if words_of(each) not in last]
    changed = [paragraph for paragraph, _ in account.changed]
    wrong = unexplained(label, cleaned, changed)
    account.changed = [
        (each, text)
        for each, text in account.changed
        if each in wrong
        and not (_held(label, each, "free") and "".join(each.words) == "".join(words_of(text)))
    ]
    return account


def test_every_paragraph_is_kept_in_its_place(label: Label, book: Book) -> None:
    account = _account(label, book(label))
    assert not account, f"\n{account}"


def test_hardly_a_word_is_lost_and_each_loss_is_explained(label: Label, book: Book) -> None:
    cleaned = book(label)
    account = _account(label, cleaned)
    total = sum(len(each.words) for each in expected(label))
    assert account.lost <= total / 1000
    assert not account.changed
    assert not unexplained(label, cleaned, account.missing)


def _paragraph(label: Label, cleaned: Cleaned) -> dict[tuple[str, ...], list[str]]:
    found: dict[tuple[str, ...], list[str]] = {}
    for each in story(label, cleaned):
        found.setdefault(words_of(each), []).append(each)
    return found


def _held(label: Label, each: Paragraph, *names: str) -> bool:
    return any(each.line < lines.stop and each.end >= lines.start for lines in _of(label, *names))


def test_no_line_is_left_wrapped_in_prose(label: Label, book: Book) -> None:
    if label.play:
        pytest.skip("a play's lines may stay")
    found = _paragraph(label, book(label))
    left = [
        text
        for each in expected(label)
        if not each.is_break and not _held(label, each, "keep", "free", "either", "signs")
        for text in found.get(each.words, [])
        if "\n" in text
    ]
    assert not left, f"{len(left)}: {left[:4]}"


def test_verse_and_signs_keep_their_lines(label: Label, book: Book) -> None:
    found = _paragraph(label, book(label))
    wrong = []
    for each in expected(label):
        if each.is_break or not _held(label, each, "keep"):
            continue
        want = [words_of(line) for line in each.lines if words_of(line)]
        got = [
            [words_of(line) for line in text.split("\n") if words_of(line)]
            for text in found.get(each.words, [])
        ]
        if want not in got:
            wrong.append((each.line, flat(each.lines[0]), (got[:1] and "joined") or "not there"))
    assert not wrong, f"{len(wrong)}: {wrong[:6]}"


def test_what_was_read_closely_is_as_it_should_be(label: Label, book: Book) -> None:
    cleaned = book(label)
    paragraphs = story(label, cleaned)
    text = "\n\n".join(paragraphs)
    lines = re.sub(r"\n[ \t]+", "\n", text)
    prose = "\n\n".join(flat(each) for each in paragraphs)
    wrong = [each for each in label.kept if each not in lines]
    prose = SUBSCRIPT.sub(r"\1", prose)
    wrong += [each for each in label.exact if flat(SUBSCRIPT.sub(r"\1", each)) not in prose]
    assert not wrong


def _before(paragraphs: list[str]) -> set[tuple[tuple[str, ...], tuple[str, ...]]]:
    """The words on both sides of each scene break."""
    return {
        (words_of(paragraphs[at - 1]), words_of(paragraphs[at + 1]))
        for at in range(1, len(paragraphs) - 1)
        if paragraphs[at] == SCENE_BREAK
    }


def test_scene_breaks_stay(label: Label, book: Book) -> None:
    found = _before(story(label, book(label)))
    source = expected(label)
    headings = [first for first, _, _ in label.chapters]
    wrong = [
        f"line {source[at].line}"
        for at in range(1, len(source) - 1)
        if source[at].is_break
        and not any(source[at].line < first < source[at + 1].line for first in headings)
        and (source[at - 1].words, source[at + 1].words) not in found
    ]
    assert not wrong, f"{len(wrong)}: {wrong[:5]}"


def test_spaces_that_are_scene_breaks_are_scene_breaks(label: Label, book: Book) -> None:
    found = {after for _, after in _before(story(label, book(label)))}
    wrong = [
        each for each in expected(label) if each.line in label.spaces and each.words not in found
    ]
    assert not wrong, [each.line for each in wrong]


def test_no_scene_break_is_made_up(label: Label, book: Book) -> None:
    cleaned = book(label)
    source = expected(label)
    real = sum(each.is_break for each in source)
    wide = sum(
        not any(line.strip() for line in label.lines[each.line - 2 : each.line])
        for each in source
        if not each.is_break
    )
    found = sum(each == SCENE_BREAK for each in story(label, cleaned))
    assert found <= real + wide


def test_a_dash_at_a_lines_end_is_joined_as_it_is_printed(label: Label, book: Book) -> None:
    text = "\n\n".join(story(label, book(label)))
    made: list[str] = []
    for each in expected(label):
        if each.is_break or _held(label, each, "keep", "free", "either", "signs"):
            continue
        for line, after in zip(each.lines, each.lines[1:], strict=False):
            ends = re.search(r"(\w+)(--|—)$", line.rstrip())
            begins = re.match(r"\s*(\w+)", after)
            if ends and begins and len(line.rstrip()) > 45:
                spaced = f"{ends[1]}{ends[2]} {begins[1]}"
                if spaced in text and spaced not in "\n".join(label.lines):
                    made.append(spaced)
    assert not made, f"{len(made)}: {made[:5]}"


def test_a_play_is_a_play_and_prose_is_prose(label: Label, book: Book) -> None:
    kinds = {each.kind for each in story_chapters(label, book(label))}
    assert kinds == {"play" if label.play else "prose"}
