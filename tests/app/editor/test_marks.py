"""Places in the text stay true, whatever happens to it: compared with a plain string."""

from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from storytui.app.widgets.story_document import StoryDocument
from storytui.story.words import count_words

TEXT = st.text(alphabet="ab \n\u2028\r", max_size=8)


def document(text: str) -> StoryDocument:
    return StoryDocument(text, count_words)


def place(text: str, offset: int) -> tuple[int, int]:
    """Line and column of an offset."""
    before = text[:offset]
    return before.count("\n"), offset - (before.rfind("\n") + 1)


@dataclass
class Tracked:
    """A mark and the offset that it should have."""

    mark: object
    expected: int
    gravity: str


class DocumentMachine(RuleBasedStateMachine):
    """Replace anything by anything; text, words, offsets and marks follow."""

    def __init__(self) -> None:
        super().__init__()
        self.model = "one two\nthree\n\nfour"
        self.document = document(self.model)
        self.marks: list[Tracked] = []
        assert self.document.words == 4

    @rule(data=st.data(), text=TEXT)
    def replace(self, data, text):
        start = data.draw(st.integers(0, len(self.model)))
        end = data.draw(st.integers(start, len(self.model)))
        result = self.document.replace_range(place(self.model, start), place(self.model, end), text)
        assert result.replaced_text == self.model[start:end]
        self.model = self.model[:start] + text + self.model[end:]
        assert result.end_location == place(self.model, start + len(text))
        for each in self.marks:
            at = each.expected
            if at > end or (at == end and start < end):
                each.expected += len(text) - (end - start)
            elif (start < at < end) or (start == at == end):
                each.expected = start + (len(text) if each.gravity == "right" else 0)

    @rule(data=st.data())
    def look(self, data):
        at = data.draw(st.integers(0, len(self.model)))
        assert self.document.location_of(at) == place(self.model, at)
        at = data.draw(st.integers(0, len(self.model)))
        assert self.document.offset_of(place(self.model, at)) == at

    @rule(data=st.data(), gravity=st.sampled_from(["left", "right"]))
    def mark(self, data, gravity):
        at = data.draw(st.integers(0, len(self.model)))
        mark = self.document.mark(self.document.location_of(at), gravity)
        self.marks.append(Tracked(mark, at, gravity))

    @rule()
    def give_up_a_mark(self):
        if self.marks:
            self.document.unmark(self.marks.pop().mark)

    @invariant()
    def all_is_as_in_the_string(self):
        assert self.document.text == self.model
        assert self.document.lines == self.model.split("\n")
        assert self.document.words == sum(map(count_words, self.model.split("\n")))
        for each in self.marks:
            assert each.mark.offset == each.expected


DocumentMachine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
TestDocument = DocumentMachine.TestCase


@pytest.mark.parametrize("offset", range(8))
def test_offset_and_location_are_each_others_inverse(offset):
    held = document("ab\n\ncde")
    assert held.offset_of(held.location_of(offset)) == offset


def test_offsets_outside_the_text_mean_its_ends():
    held = document("ab\nc")
    assert held.location_of(-5) == (0, 0)
    assert held.location_of(99) == (1, 1)
    assert held.offset_of((7, 3)) == 4


def test_only_the_line_feed_breaks_lines():
    text = "a\rb\x0bc\x0cd\x85e\u2028f\u2029g\x1ch\ni"
    assert document(text).line_count == 2
    assert document(text).text == text


def test_words_between_two_places_are_counted_like_any_text():
    text = "one two\nthree four five\n\nsix"
    held = document(text)
    for start in range(len(text) + 1):
        for end in range(start, len(text) + 1):
            between = held.words_between(held.location_of(end), held.location_of(start))
            assert between == count_words(text[start:end])
