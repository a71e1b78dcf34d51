"""Accepted text stands in the manuscript as if it had been written there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storytui.story.joining import join
from storytui.story.sentences import sentence_spans


def accept(before: str, piece: str, after: str, *, first: bool = True) -> tuple[str, str]:
    """What stands before and after the cursor once the piece was accepted."""
    joined = join(before, piece, after, first=first)
    assert before[len(before) - joined.drop :].strip(" \t") == ""
    kept = before[: len(before) - joined.drop]
    return kept + joined.text[: joined.caret], joined.text[joined.caret :] + after


@pytest.mark.parametrize(
    ("before", "answer", "expected"),
    [
        ("", "He went.", "He went."),
        ("", "\n\nHe went.", "He went."),
        ("She sat.", "He went.", "She sat. He went."),
        ("She sat. ", "He went.", "She sat. He went."),
        ("She sat", "and wept.", "She sat and wept."),
        ("She sat", ", and wept.", "She sat, and wept."),
        ("She sat ", ", and wept.", "She sat, and wept."),
        ("She sat—", "and wept.", "She sat—and wept."),
        ("She sat", "—and wept.", "She sat—and wept."),
        ("She sat –", "and wept.", "She sat – and wept."),
        ("half-", "asleep", "half-asleep"),
        ("She (", "who sat)", "She (who sat)"),
        ("John", "'s hat", "John's hat"),
        ('She said, "', 'Go."', 'She said, "Go."'),
        ('She said, "Go', '," and sat.', 'She said, "Go," and sat.'),
        ("She said, “Go", "now.”", "She said, “Go now.”"),
        ("She said, “Go. ", "\n\nNow.”", "She said, “Go. Now.”"),
        ("“Go.\n\n“Now.", "\n\n“Or then.”", "“Go.\n\n“Now.\n\n“Or then.”"),
        ("„Geh", "“, sagte er.", "„Geh“, sagte er."),
        ("She sat", "...and wept.", "She sat ...and wept."),
    ],
)
def test_the_seam_has_the_space_it_needs(before: str, answer: str, expected: str) -> None:
    assert accept(before, answer, "") == (expected, "")


@pytest.mark.parametrize(
    ("before", "answer", "expected"),
    [
        ('A.\n\n"You knew," he said. ', '"I knew."', 'A.\n\n"You knew," he said.\n\n"I knew."'),
        ("A.\n“You knew,” he said.", "“I knew.”", "A.\n“You knew,” he said.\n“I knew.”"),
        ("‘You knew,’ he said. ", "‘I knew.’", "‘You knew,’ he said.\n\n‘I knew.’"),
        ("He turned. ", '"I knew."', 'He turned. "I knew."'),
        ('"You knew," he said, ', '"and left."', '"You knew," he said, "and left."'),
        ("# Chapter One", "It was late.", "# Chapter One\n\nIt was late."),
        ("A.\nB.", "C.\n\n\nD.", "A.\nB. C.\nD."),
        ("A.\n\nB.", "C.\nD.", "A.\n\nB. C.\n\nD."),
        ("A.\r\n\r\nB.", "C.\nD.", "A.\r\n\r\nB. C.\r\n\r\nD."),
        ("A.\n\nB. ", "\n\nC.", "A.\n\nB.\n\nC."),
        ("A.\n\nB.\n", "\n\nC.", "A.\n\nB.\n\nC."),
        ("A.\n\n", "\n\nC.", "A.\n\nC."),
        ("A line\nwrapped hard\nends.\n\nB", ".\nC.", "A line\nwrapped hard\nends.\n\nB.\n\nC."),
    ],
)
def test_paragraphs_break_as_the_manuscript_breaks_them(
    before: str, answer: str, expected: str
) -> None:
    assert accept(before, answer, "")[0] == expected


def test_the_style_of_what_follows_counts_where_nothing_stands_before() -> None:
    assert accept("", "A.\n\nB.", "\nC.\nD.\nE.")[0] == "A.\nB."


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("and left.", " and left."),
        ("“No.”", " “No.”"),
        (" and left.", " and left."),
        ("\n\nThen.", "\n\nThen."),
        (", and left.", ", and left."),
        ("” she said.", "” she said."),
        ("", ""),
    ],
)
def test_the_cursor_stands_before_the_space_to_what_follows(after: str, expected: str) -> None:
    assert accept("He", "went.", after) == ("He went.", expected)


def test_nothing_is_inserted_for_a_piece_without_text() -> None:
    assert accept("He ", " \n", "x") == ("He ", "x")


MANUSCRIPT = st.lists(
    st.sampled_from(
        [
            "He went.",
            "“Go,” he said.",
            '"Go."',
            '"',
            "“",
            "# One",
            " ",
            "\n",
            "\n\n",
            "wor",
            "—",
            "(",
            ",",
        ]
    ),
    max_size=12,
).map("".join)
SENTENCE = st.sampled_from(
    [
        "He went.",
        "“Go,” he said.",
        '"Go."',
        "And so…",
        "‘Yes!’ she said.",
        "*So it goes.*",
        "Mr. X left.",
    ]
)
ANSWER = st.lists(
    st.tuples(st.sampled_from([" ", "  ", "\n", "\n\n", "\n \n\n"]), SENTENCE),
    min_size=1,
    max_size=6,
).map(lambda pairs: "".join(gap + sentence for gap, sentence in pairs))


@given(MANUSCRIPT, ANSWER, MANUSCRIPT)
def test_accepting_by_sentence_and_at_once_give_the_same(
    before: str, answer: str, after: str
) -> None:
    whole = accept(before, answer, after)
    left, right = before, after
    taken = 0
    for _, end in sentence_spans(answer):
        left, right = accept(left, answer[taken:end], right, first=taken == 0)
        taken = end
    assert (left, right) == whole


@given(MANUSCRIPT, ANSWER, MANUSCRIPT)
def test_the_manuscript_itself_is_unchanged(before: str, answer: str, after: str) -> None:
    left, right = accept(before, answer, after)
    assert left.startswith(before.rstrip(" \t"))
    assert right.endswith(after)


@given(MANUSCRIPT, SENTENCE, MANUSCRIPT)
def test_no_space_is_doubled_at_the_seams(before: str, sentence: str, after: str) -> None:
    joined = join(before, sentence, after, first=True)
    kept = before[: len(before) - joined.drop]
    assert not (joined.text[:1] == " " and kept[-1:].isspace())
    assert not (joined.text[joined.caret :] == " " and after[:1].isspace())
    assert "  " not in joined.text


WRAPPED = (
    "The lamp had been out for eleven minutes\nbefore anyone in the village noticed, and for\n"
    "twelve before anyone said so. He came in,\nand she did not look up from the net.\n\n"
    "The lamp had been out for some\ntime."
)


def test_a_hard_wrapped_manuscript_keeps_the_answers_line_breaks() -> None:
    left, _ = accept(WRAPPED, "Then the door\nopened. He came\nin.\n\nShe waited.", "")
    assert left == WRAPPED + " Then the door\nopened. He came\nin.\n\nShe waited."


def test_pieces_of_a_hard_wrapped_answer_join_at_its_line_breaks() -> None:
    left, right = accept(WRAPPED, "The door opened.", "")
    left, _ = accept(left, "\nHe came in.", right, first=False)
    assert left == WRAPPED + " The door opened.\nHe came in."


def test_a_line_break_in_the_middle_of_an_answers_sentence_becomes_a_space() -> None:
    left, _ = accept("One.\n\nTwo.", "Then the door\nopened, and\nhe came.\nShe waited.", "")
    assert left == "One.\n\nTwo. Then the door opened, and he came.\n\nShe waited."


# --- verbatim answers ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "answer", "expected"),
    [
        ("She sat", " and wept.", "She sat and wept."),
        ("She sat.", "\n\n“Go,” she said.", "She sat.\n\n“Go,” she said."),
        ("She sat.\n\n", "“Go,” she said.", "She sat.\n\n“Go,” she said."),
        ("She had slep", "t late.", "She had slept late."),
        ("She sat. ", "He  went.\nHe came.", "She sat. He  went.\nHe came."),
    ],
)
def test_a_verbatim_answer_stands_as_it_is(before: str, answer: str, expected: str) -> None:
    joined = join(before, answer, "", first=True, verbatim=True)
    assert (joined.drop, before + joined.text, joined.caret) == (0, expected, len(answer))


@pytest.mark.parametrize(
    ("before", "answer", "expected"),
    [
        # A file's last line break, behind which the cursor stands at first.
        ("She sat.\n", "\n\nHe went.", "She sat.\n\nHe went."),
        ("She sat.\n", "\nHe went.", "She sat.\n\nHe went."),
        ("She sat.\n", "He went.", "She sat.\nHe went."),
        ("She sat.\n\n", "\n\nHe went.", "She sat.\n\nHe went."),
        ("She sat.\n\n\n", "\n\nHe went.", "She sat.\n\n\nHe went."),
        ("She sat.\n\n", "He went.", "She sat.\n\nHe went."),
        ("She sat.", "\n\n\nHe went.", "She sat.\n\n\nHe went."),
        ("She sat.\n  ", "\n\nHe went.", "She sat.\n  \nHe went."),
        ("\n\n", "\n\nHe went.", "\n\n\n\nHe went."),
    ],
)
def test_a_verbatim_answer_leaves_no_second_empty_line(
    before: str, answer: str, expected: str
) -> None:
    joined = join(before, answer, "", first=True, verbatim=True)
    assert before[: len(before) - joined.drop] + joined.text == expected
    assert joined.caret == len(joined.text)
    # What is in the answer itself stays.
    later = join(before, answer, "", first=False, verbatim=True)
    assert later.text == answer


def test_what_follows_a_verbatim_answer_is_kept_apart_from_it() -> None:
    joined = join("She sat.", " He went.", "Then it rained.", first=True, verbatim=True)
    assert (joined.text, joined.caret) == (" He went. ", 9)


@given(st.text(" \nab.“”"), st.text(" \nab.“”"), st.text(" \nab.", max_size=3), st.integers(0, 9))
def test_a_verbatim_answer_taken_in_pieces_is_the_answer_taken_at_once(
    before: str, answer: str, after: str, cut: int
) -> None:
    def taken(pieces: list[str]) -> str:
        front, behind = before, after
        for number, piece in enumerate(pieces):
            joined = join(front, piece, behind, first=number == 0, verbatim=True)
            front += joined.text[: joined.caret]
            behind = joined.text[joined.caret :] + behind
        return front

    lead = answer[: len(answer) - len(answer.lstrip())]
    # A piece is never white space alone.
    cut = max(cut, len(lead) + 1)
    whole = taken([answer])
    assert taken([answer[:cut], answer[cut:]]) == whole
    there, more = before[len(before.rstrip()) :].count("\n"), lead.count("\n")
    if there and more and there + more > 2 and before.strip():
        assert whole.count("\n") < (before + answer).count("\n")
        assert whole.split() == (before + answer).split()
    else:
        assert whole == before + answer
