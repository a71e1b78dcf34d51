"""A reply is parsed alike however it is cut, and as a reader would read it."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storytui.story.reply import Reply, ReplyParser, parse_reply

SAMPLES = [
    "A story.\n\nGoes on.",
    "<reasoning>R.</reasoning><answer>A.</answer>",
    "<reasoning>\nR.\n</reasoning>\n\n<answer>\n A.\n</answer>\n",
    "<reasoning>R<reasoning>\n<answer>A",
    "Sure:\n```xml\n< Reasoning >R</reasoning >\n```\nand\n<ANSWER>\nA\n</ answer >\n```\nBye",
    '<answer>"</answer>," she said. </answer> is</answer> it',
    "<reasoning>The <answer> is it.</reasoning><answer>A</answer>",
    "<reasoning>R <answer>A</answer>",
    "<reasoning>R.</reasoning>\n```\nA\n```\n",
    "<answer>A</answer>\n<answer>B</answer>",
    "R</reasoning><answer>A\n```\nb\n```\n</answer>",
    "<answer>A\n  ``b\n\n```</answ",
]
FRAGMENTS = [
    "<reasoning>",
    "</reasoning>",
    "<answer>",
    "</answer>",
    "< / Answer >",
    "<reasoning/>",
    "</",
    "<",
    "ans",
    "reasoning>",
    "```",
    "`",
    "```md",
    "\n",
    "\r\n",
    " ",
    '"',
    ".",
    "He went",
    "\x00",
    "\u2028",
    "é",
]
RAW = st.lists(st.sampled_from(FRAGMENTS), max_size=24).map("".join) | st.text(max_size=40)


def parse_pieces(pieces: list[str]) -> Reply:
    """Parse a reply given in pieces; what streams must be what it says in the end."""
    parser = ReplyParser()
    given = [piece for text in pieces for piece in parser.feed(text)]
    given += parser.close()
    reply = parser.reply
    for segment, text in (("reasoning", reply.reasoning), ("answer", reply.answer)):
        assert "".join(piece.text for piece in given if piece.segment == segment) == text
    return reply


@pytest.mark.parametrize("raw", SAMPLES)
def test_every_cut_gives_the_same_reply(raw: str) -> None:
    whole = parse_reply(raw)
    assert parse_pieces(list(raw)) == whole
    for first, second in itertools.combinations_with_replacement(range(len(raw) + 1), 2):
        assert parse_pieces([raw[:first], raw[first:second], raw[second:]]) == whole


@given(RAW, st.lists(st.integers(0, 200), max_size=6))
def test_any_cut_of_any_text_gives_the_same_reply(raw: str, cuts: list[int]) -> None:
    bounds = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]
    pieces = [raw[a:b] for a, b in itertools.pairwise(bounds)]
    assert parse_pieces(pieces) == parse_pieces(list(raw)) == parse_reply(raw)


@given(RAW)
def test_a_complete_reply_says_both(raw: str) -> None:
    reply = parse_reply(raw)
    if reply.complete:
        assert "reasoning>" in raw
        assert "answer" in raw.lower()
    assert reply.complete or reply.problems


PLAIN = st.text(alphabet="ab .,!“”\n", min_size=1).map(str.strip).filter(bool)


@given(PLAIN, PLAIN, st.sampled_from(["", "\n", "\n\n", "\r\n"]))
def test_a_reply_in_the_right_form_is_read_exactly(reasoning: str, answer: str, gap: str) -> None:
    raw = f"<reasoning>{gap}{reasoning}{gap}</reasoning>{gap}<answer>{gap}{answer}{gap}</answer>"
    assert parse_reply(raw) == Reply(reasoning, answer, complete=True, problems=())


def segments(raw: str) -> tuple[str, str]:
    reply = parse_reply(raw)
    return reply.reasoning, reply.answer


@pytest.mark.parametrize(
    ("raw", "reasoning", "answer"),
    [
        ("A story.", "", "A story."),
        ("```\nA story.\n```", "", "A story."),
        ("<think>Hm.</think> A story.", "", "<think>Hm.</think> A story."),
        ("<reasoning>R.", "R.", ""),
        ("<reasoning>R.</reasoning><answer>A", "R.", "A"),
        ("<reasoning>\nR.\n<reasoning>\n<answer>\nA\n</answer>", "R.", "A"),
        ("<reasoning>no stop<reasoning><answer>A</answer>", "no stop", "A"),
        ("<reasoning>R.<answer>A</answer>", "R.", "A"),
        ("<reasoning>no stop <answer>A</answer>", "no stop ", "A"),
        ("<answer>A</answer>", "", "A"),
        ("Hm.</reasoning><answer> A</answer>", "Hm.", " A"),
        ("Hi.\n<reasoning>R.</reasoning>\nNow:\n<answer>A</answer>\nBye.", "R.", "A"),
        ("<reasoning>R.</reasoning>\nA story.", "R.", "A story."),
        ("<reasoning>R.</reasoning><answer></answer>\nA story.", "R.", "A story."),
        ("< Reasoning >R.</ REASONING >\n<answer >A</Answer>", "R.", "A"),
        ("```xml\n<reasoning>R.</reasoning>\n```\n```\n<answer>A</answer>\n```", "R.", "A"),
        ("```\n<reasoning>R.</reasoning>\n<answer>\nA\n```", "R.", "A"),
        ("<answer>It read\n```\nrun\n```\n</answer>", "", "It read\n```\nrun\n```"),
        ('<answer>"</answer>," she read.</answer>', "", '"</answer>," she read.'),
        ("<answer>Type <answer> here.</answer>", "", "Type <answer> here."),
        ("<answer>A</answer>\n<reasoning>R.</reasoning><answer>B</answer>", "", "A"),
        ("<answer>A\n<reasoning>R.</reasoning><answer>B</answer>", "", "A"),
        ("<answer>A</answer></answer>", "", "A"),
        ("<reasoning>The <answer> must wait.</reasoning><answer>A</answer>", None, "A"),
        ("<reasoning>R.</reasoning><answer>A.</ans", "R.", "A."),
        ("<reasoning>R.</reasoning><answer>5 < 6</answer>", "R.", "5 < 6"),
        ("", "", ""),
    ],
)
def test_what_models_write_is_understood(raw: str, reasoning: str | None, answer: str) -> None:
    if reasoning is None:
        reasoning = "The <answer> must wait."
    assert segments(raw) == (reasoning, answer)


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        ("A story.", "The reply has no tags; all of it was taken as the answer."),
        ("<reasoning>R.</reasoning>x<answer>A</answer>", "Text between the tags was left out."),
        ("<reasoning>R.</reasoning><answer>A</answer>x", "Text after the answer was left out."),
        ("<answer>A</answer>", "There is no reasoning."),
        ("<reasoning>R.<reasoning>A", "The reasoning is closed by a second opening tag."),
        ("<reasoning>R.</reasoning><answer>A</an", "The reply ends in the middle of a tag."),
        ("", "There is no answer."),
    ],
)
def test_problems_are_sentences(raw: str, problem: str) -> None:
    assert problem in parse_reply(raw).problems


def test_text_streams_before_its_segment_ends() -> None:
    parser = ReplyParser()
    parser.feed("<reasoning>He must ")
    (piece,) = parser.feed("go now. ")
    assert (piece.segment, piece.text) == ("reasoning", " go now.")


def test_a_closed_reply_takes_no_more_text() -> None:
    parser = ReplyParser()
    parser.close()
    assert parser.close() == []
    with pytest.raises(ValueError, match="closed"):
        parser.feed("x")
