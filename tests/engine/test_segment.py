"""The text of a segment: tags held back, words counted, ends found."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from storytui.engine.api import SegmentPlan
from storytui.engine.segment import SegmentText, may_begin_tag

TAGS = ("<reasoning>", "</reasoning>", "<answer>", "</answer>")


def segment(*, words: int | None = None, tokens: int = 999, prefix: str = "") -> SegmentText:
    plan = SegmentPlan(
        name="answer",
        opening="<answer>",
        closing="</answer>",
        words=words,
        tokens=tokens,
        prefix=prefix,
    )
    return SegmentText(plan, TAGS)


def pieces_of(raw: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted({cut % (len(raw) + 1) for cut in cuts}), len(raw)]
    return [raw[a:b] for a, b in itertools.pairwise(places)]


@given(st.lists(st.integers(0, 99)))
def test_however_it_is_cut_a_tag_ends_the_text_and_is_never_shown(cuts: list[int]) -> None:
    raw = 'Grüße, "sagte" sie — 3 < 4 </b>.</answer> more'.encode()
    text = segment()
    shown = ""
    for piece in pieces_of(raw, cuts):
        if text.add(0, piece):
            break
        shown += text.news()
    else:
        raise AssertionError("the tag was not seen")
    assert text.text == 'Grüße, "sagte" sie — 3 < 4 </b>.'
    assert text.text.startswith(shown)


@given(st.text(alphabet="ab <>/answer\n."), st.lists(st.integers(0, 99)))
def test_what_is_shown_is_never_taken_back_by_a_tag(story: str, cuts: list[int]) -> None:
    text = segment()
    shown = ""
    for piece in pieces_of(story.encode() + b"</answer>", cuts):
        closed = text.add(0, piece)
        if closed:
            break
        shown += text.news()
    assert text.text.startswith(shown)


@given(st.lists(st.sampled_from(["one ", "two", " three", "\n\n", "—", "four. "])))
def test_words_are_counted_as_in_the_whole_text(pieces: list[str]) -> None:
    from storytui.story.words import count_words

    text = segment()
    for piece in pieces:
        text.add(0, piece.encode())
        assert text.words == count_words(text.text)


def test_it_ends_at_a_sentence_near_the_words_asked_for() -> None:
    text = segment(words=10)
    ended = None
    for word in ("She went out. " * 9).split(" "):
        text.add(0, word.encode() + b" ")
        ended = text.end_by_budget()
        if ended:
            break
    assert ended is not None
    assert text.text[: ended[0]].rstrip() == "She went out. She went out. She went out."
    assert ended[1] == "length"


def test_it_is_cut_back_to_the_last_sentence_when_none_comes() -> None:
    text = segment(words=20)
    ended = None
    story = "She went out and saw nothing at all. And " + "and " * 99
    for word in story.split(" "):
        text.add(0, word.encode() + b" ")
        ended = text.end_by_budget()
        if ended:
            break
    assert ended is not None
    assert text.text[: ended[0]] == "She went out and saw nothing at all."


def test_a_quotation_is_closed_before_it_ends() -> None:
    text = segment(words=5)
    for piece in ['"I', " know", " that", " well", ".", " Go", "."]:
        text.add(0, piece.encode())
        assert text.end_by_budget() is None
    text.add(0, b'"')
    assert text.end_by_budget() == (len('"I know that well. Go."'), "length")


def test_without_any_sentence_it_ends_after_a_whole_word() -> None:
    text = segment(words=10)
    ended = None
    for _ in range(99):
        text.add(0, b" and")
        ended = text.end_by_budget()
        if ended:
            break
    assert ended is not None
    assert ended[1] == "cut"
    assert text.text[: ended[0]].endswith("and")


def test_an_answer_closed_in_the_middle_of_a_sentence_keeps_the_whole_ones() -> None:
    text = segment(words=9)
    text.add(0, b"She came in. He looked up. The rewritten sentence is:")
    assert text.text[: text.end_by_model()] == "She came in. He looked up."


def test_speech_that_is_broken_off_stays_as_the_model_closed_it() -> None:
    text = segment(words=9)
    text.add(0, "She came in. “But you—”".encode())
    assert text.end_by_model() == len(text.text)


def test_tokens_are_a_budget_too() -> None:
    text = segment(tokens=20)
    ended = None
    for count in range(1, 21):
        text.add(0, b" and")
        ended = text.end_by_budget()
        if ended:
            assert count == 20
    assert ended is not None


def test_tokens_that_could_begin_a_tag() -> None:
    assert may_begin_tag(b".</", TAGS)
    assert may_begin_tag(b"<", TAGS)
    assert may_begin_tag(b"x</answer>y", TAGS)
    assert not may_begin_tag(b"<b", TAGS)
    assert not may_begin_tag(b"a < b", TAGS)
    assert not may_begin_tag(b"answer>", TAGS)


@given(
    st.lists(st.sampled_from([b"a", "é".encode(), "—".encode(), b". ", b"\n", b"\xff", b"\xc3"])),
    st.lists(st.integers(0, 99)),
    st.integers(0, 9),
    st.integers(0, 60),
)
def test_whole_tokens_and_tail_make_up_the_text(
    story: list[bytes], cuts: list[int], spare: int, length: int
) -> None:
    text = segment(prefix="Then ")
    pieces = [piece for piece in pieces_of(b"".join(story), cuts) if piece]
    for piece in pieces:
        text.add(0, piece)
    text.cut(len("Then ") + length)
    keep = text.whole_tokens(spare)
    kept = b"".join(pieces[:keep]).decode("utf-8", "replace")
    assert ("Then " + kept + text.tail_from(keep)).rstrip() == text.text


def test_a_tag_in_the_direction_is_her_own_text() -> None:
    text = segment(prefix="He says </answer> and")
    assert not text.add(0, b" goes on.")
    assert text.text == "He says </answer> and goes on."
