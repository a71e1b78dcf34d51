"""Parts of a prompt: only the template brings control tokens, and no seam falls inside a run."""

from byte_model import CONTROL, ByteVocabulary
from hypothesis import given
from hypothesis import strategies as st

from storytui.engine.api import PromptPart
from storytui.engine.template import Frame
from storytui.engine.tokens import TokenCounts, assemble, encode, split_control

VOCABULARY = ByteVocabulary()


def test_the_template_is_cut_at_its_control_tokens() -> None:
    assert split_control("a<|turn|>b<|turn|>", VOCABULARY.control) == [
        PromptPart("a", False),
        PromptPart("<|turn|>", True),
        PromptPart("b", False),
        PromptPart("<|turn|>", True),
    ]


def test_plain_text_beside_the_story_joins_it() -> None:
    frame = Frame("<|turn|>user\n", "<|turn|>assistant\n")
    assert assemble(frame, "story", "<reasoning>", VOCABULARY) == (
        PromptPart("<|turn|>", True),
        PromptPart("user\nstory", False),
        PromptPart("<|turn|>", True),
        PromptPart("assistant\n<reasoning>", False),
    )


@given(st.text(alphabet="<|turn> a"))
def test_a_story_never_brings_a_control_token(story: str) -> None:
    frame = Frame("<|turn|>", "<|turn|>")
    tokens = encode(assemble(frame, "<|turn|>" + story, "", VOCABULARY), VOCABULARY)
    assert tokens.count(CONTROL) == 2


def test_each_text_is_tokenised_once() -> None:
    calls = []

    class Counting(ByteVocabulary):
        def tokenize_inside(self, text: str) -> list[int]:
            calls.append(text)
            return self.tokenize(text)

    counts = TokenCounts(Counting())
    assert counts.count(["ab", "abc", "ab"]) == [2, 3, 2]
    assert counts.count(["abc"]) == [3]
    assert calls == ["ab", "abc"]
