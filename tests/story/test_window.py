"""The window is what fits before the cursor, begins where a reader would, and stays put."""

import re
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storytui.story.starts import Start
from storytui.story.window import Window, choose_window, shortest_cut, text_at_the_end

STORY = "\n\n".join(f"Paragraph {n} begins here. It has a second sentence." for n in range(200))


def count(texts: Sequence[str]) -> list[int]:
    return [len(re.findall(r"\w+|\S", text)) for text in texts]


class Counter:
    """Counts as a model would, and knows what it was asked."""

    def __init__(self) -> None:
        self.characters = 0
        self.known: dict[str, int] = {}

    def __call__(self, texts: Sequence[str]) -> list[int]:
        for text in texts:
            if text not in self.known:
                self.characters += len(text)
                self.known[text] = count([text])[0]
        return [self.known[text] for text in texts]


def tokens(window: Window) -> int:
    return count([window.text])[0]


# --- a new start -------------------------------------------------------------------------------


def test_everything_that_fits_is_in_the_window() -> None:
    window = choose_window(STORY, 10_000, count)
    assert (window.start, window.text) == (0, STORY)


@pytest.mark.parametrize("budget", [60, 100, 500, 1500])
def test_a_new_window_begins_at_a_paragraph_and_leaves_a_quarter_free(budget: int) -> None:
    window = choose_window(STORY, budget, count)
    assert STORY[window.start :] == window.text
    assert window.text.startswith("Paragraph")
    assert 3 * budget // 4 - 40 <= tokens(window) <= 3 * budget // 4


def test_single_newlines_separate_paragraphs_where_no_blank_lines_do() -> None:
    window = choose_window(STORY.replace("\n\n", "\n"), 100, count)
    assert window.text.startswith("Paragraph")


def test_line_breaks_of_two_characters_are_kept() -> None:
    window = choose_window(STORY.replace("\n\n", "\r\n\r\n"), 100, count)
    assert window.text.startswith("Paragraph")
    assert "\r\n\r\n" in window.text


@pytest.mark.parametrize("heading", ["## The lamp", "CHAPTER IV", "XII."])
def test_a_new_window_begins_at_a_chapter_rather_than_at_a_paragraph(heading: str) -> None:
    story = STORY.replace("Paragraph 170 ", f"{heading}\n\nParagraph 170 ")
    window = choose_window(story, 500, count)
    assert window.text.startswith(f"{heading}\n\nParagraph 170 ")
    assert 250 <= tokens(window) <= 375


@pytest.mark.parametrize("scene_break", ["* * *", "***", "⁂", "#", "—————", ""])
def test_a_new_window_begins_behind_a_break_between_scenes(scene_break: str) -> None:
    story = STORY.replace("Paragraph 170 ", f"{scene_break}\n\nParagraph 170 ")
    window = choose_window(story, 500, count)
    assert window.text.startswith("Paragraph 170 ")


def test_a_blank_line_separates_scenes_where_paragraphs_have_none() -> None:
    story = STORY.replace("\n\n", "\n").replace("Paragraph 170 ", "\nParagraph 170 ")
    window = choose_window(story, 500, count)
    assert window.text.startswith("Paragraph 170 ")


def test_a_chapter_that_begins_too_near_is_no_start() -> None:
    story = STORY.replace("Paragraph 199 ", "## The end\n\nParagraph 199 ")
    assert choose_window(story, 500, count).text.startswith("Paragraph")


def test_a_paragraph_that_is_too_long_is_cut_at_a_sentence() -> None:
    window = choose_window("It was long ago. " * 100 + "Now", 60, count)
    assert window.text.startswith("It was")
    assert 30 <= tokens(window) <= 45


def test_a_short_last_paragraph_does_not_leave_the_window_empty() -> None:
    window = choose_window("It was long ago. " * 100 + "\n\n“No.”", 60, count)
    assert window.text.startswith("It was")
    assert tokens(window) > 30


def test_a_sentence_that_is_too_long_is_cut_at_a_word() -> None:
    window = choose_window("word " * 1000, 20, count)
    assert window.text.startswith("word ")
    assert tokens(window) == 15


def test_a_word_that_is_too_long_is_cut_at_a_character() -> None:
    window = choose_window("x" * 1000, 20, lambda texts: [len(text) for text in texts])
    assert len(window.text) == 15


def test_a_book_is_not_counted_for_a_small_budget() -> None:
    counter = Counter()
    choose_window(STORY * 100, 500, counter)
    assert counter.characters < 20_000


def test_the_window_ends_at_the_cursor() -> None:
    end = STORY.index("Paragraph 150") + 9
    window = choose_window(STORY, 500, count, end=end)
    assert window.text == STORY[window.start : end]
    before = choose_window(STORY[:end], 500, count)
    assert (window.start, window.text) == (before.start, before.text)


# --- a start that is remembered ----------------------------------------------------------------


def test_a_start_stays_while_the_text_from_it_fits() -> None:
    first = choose_window(STORY[:8_000], 1_000, count)
    second = choose_window(STORY[:8_500], 1_000, count, [first.mark])
    assert second.start == first.start
    assert second.remembered == first.mark
    assert choose_window(STORY[:8_500], 1_000, count).start != first.start


def test_a_start_moves_when_the_text_from_it_does_not_fit() -> None:
    first = choose_window(STORY[:6_000], 500, count)
    second = choose_window(STORY[:8_000], 500, count, [first.mark])
    assert second.start > first.start
    assert second.remembered is None


def test_a_start_that_would_leave_half_of_the_window_empty_is_not_used() -> None:
    first = choose_window(STORY, 1_000, count)
    cursor = first.start + 300
    back = choose_window(STORY, 1_000, count, [first.mark], end=cursor)
    assert back.start < first.start


def test_the_beginning_of_the_story_is_a_start_however_little_there_is() -> None:
    mark = choose_window(STORY[:100], 1_000, count).mark
    window = choose_window("A title\n\n" + STORY[:100], 1_000, count, [mark])
    assert window.start == 0
    assert window.text.startswith("A title")


def test_of_several_starts_the_one_used_last_is_used() -> None:
    marks = [choose_window(STORY[:end], 1_000, count).mark for end in (8_000, 8_300)]
    windows = [
        choose_window(STORY[:8_400], 1_000, count, each) for each in (marks, [*reversed(marks)])
    ]
    assert [each.remembered for each in windows] == [marks[1], marks[0]]


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace("Paragraph 3 begins", "Paragraph 3, as it is, begins"),
        lambda text: text.replace("Paragraph 3 begins here. ", ""),
        lambda text: text.replace("Paragraph 190 begins", "Paragraph 190 does begin"),
        lambda text: "A whole new chapter.\n\n" * 40 + text,
    ],
)
def test_a_start_is_found_again_after_edits_elsewhere(edit: Callable[[str], str]) -> None:
    first = choose_window(STORY, 1_000, count)
    edited = edit(STORY)
    second = choose_window(edited, 1_000, count, [first.mark])
    assert second.text[:40] == first.text[:40]
    assert second.remembered == first.mark


def test_a_start_is_found_by_what_stands_in_front_where_the_text_behind_it_was_edited() -> None:
    first = choose_window(STORY, 1_000, count)
    edited = STORY[: first.start] + "Here" + STORY[first.start + 9 :]
    second = choose_window(edited, 1_000, count, [first.mark])
    assert second.start == first.start
    assert second.text.startswith("Here")


def test_what_is_written_at_the_very_start_belongs_to_the_window() -> None:
    first = choose_window(STORY, 1_000, count)
    edited = STORY[: first.start] + "Then came more. " + STORY[first.start :]
    second = choose_window(edited, 1_000, count, [first.mark])
    assert second.text.startswith("Then came more. Paragraph")


def test_of_places_that_read_alike_the_nearest_is_the_start() -> None:
    refrain = STORY[:2_000] + "\n\n"
    text = refrain * 20
    first = choose_window(text, 1_000, count)
    second = choose_window("One more line.\n\n" + text, 1_000, count, [first.mark])
    assert second.start == first.start + len("One more line.\n\n")


def test_a_start_whose_surroundings_are_gone_is_forgotten() -> None:
    first = choose_window(STORY, 1_000, count)
    other = STORY.replace("Paragraph", "Absatz").replace("begins", "beginnt")
    assert choose_window(other, 1_000, count, [first.mark]).remembered is None


def test_what_did_not_change_is_not_counted_again() -> None:
    counter = Counter()
    first = choose_window(STORY, 1_000, counter)
    counter.characters = 0
    choose_window(STORY + " And", 1_000, counter, [first.mark])
    assert counter.characters < 100


def test_of_a_long_paragraph_only_the_end_that_grows_is_counted_again() -> None:
    paragraph = "It was long ago, and nobody had seen it. " * 100
    counter = Counter()
    first = choose_window(paragraph, 2_000, counter)
    counter.characters = 0
    choose_window(paragraph + "And", 2_000, counter, [first.mark])
    assert counter.characters < 1_500


@pytest.mark.parametrize("text", [STORY, "It was long ago. " * 400, "x" * 4_000 + "\n\nNo."])
def test_what_grows_is_what_is_counted_first(text: str) -> None:
    counter = Counter()
    choose_window(text, 2_000, counter)
    assert text_at_the_end(text, len(text)) in counter.known


# --- laws --------------------------------------------------------------------------------------


@given(
    st.text(alphabet="Ab. \n\r\t”", max_size=300),
    st.integers(-1, 200),
    st.sampled_from([count, lambda texts: [len(text) for text in texts]]),
    st.lists(st.builds(Start, st.integers(0, 300), st.text("Ab. \n”"), st.text("Ab. \n”"))),
)
def test_the_budget_is_never_exceeded(
    text: str, budget: int, counting: object, starts: list[Start]
) -> None:
    assert callable(counting)
    window = choose_window(text, budget, counting, starts)
    assert text[window.start :] == window.text
    assert counting([window.text])[0] <= max(0, budget)


SENTENCES = (
    "The lamp was out.",
    "“You knew,” he said.\n\n“I did,” she said, and looked at the sea for a long while.",
    "\n\nNobody had come down the stairs since the morning, and nobody would.",
    "\n\n* * *\n\nIn the evening it rained.",
    "\n\nCHAPTER VI\n\nThe boat was late again, as it had been all that week and the week before.",
)
EDITS = st.one_of(
    st.tuples(st.just("write"), st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=12)),
    st.tuples(st.just("mend"), st.floats(0, 1)),
    st.tuples(st.just("delete"), st.floats(0, 1)),
)


@settings(max_examples=60)
@given(st.lists(EDITS, min_size=5, max_size=60))
def test_in_a_session_the_start_moves_seldom_and_far(edits: list[tuple[str, object]]) -> None:
    budget = 300
    text = STORY[:6_000]
    first = choose_window(text, budget, count)
    starts, start = [first.mark], first.start
    for kind, what in edits:
        if kind == "write":
            assert isinstance(what, list)
            text += " " + " ".join(what)
        else:
            assert isinstance(what, float)
            at = int(what * (len(text) - 200))
            text = text[:at] + ("an other" if kind == "mend" else "") + text[at + 5 :]
        window = choose_window(text, budget, count, starts)
        assert tokens(window) <= budget
        if kind == "write":
            stays = count([text[start:]])[0] <= budget - 20
            assert not stays or window.start == start
            if window.start != start:
                assert count([text[start : window.start]])[0] >= budget // 4 - 8
        # Reopened, with what was remembered: the same window.
        starts.append(window.mark)
        assert choose_window(text, budget, count, starts).start == window.start
        start = window.start


# --- the least that is lost -----------------------------------------------------------------------


def test_a_text_that_fits_loses_nothing() -> None:
    assert shortest_cut(STORY, 10_000, count) == 0
    assert shortest_cut(STORY, count([STORY])[0], count) == 0
    assert shortest_cut("", 10, count) == 0


@pytest.mark.parametrize("budget", [60, 100, 500, 1500])
def test_a_text_that_does_not_fit_loses_as_few_paragraphs_as_it_can(budget: int) -> None:
    cut = shortest_cut(STORY, budget, count)

    assert STORY[:cut].endswith("\n\n")
    assert count([STORY[cut:]])[0] <= budget
    before = STORY.rindex("Paragraph", 0, cut)
    assert count([STORY[before:]])[0] > budget


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("She went on. Nobody came. " * 50, ("She ", "Nobody ")),
        ("on and on " * 90, ("on ", "and ")),
    ],
    ids=["sentences", "words"],
)
def test_a_paragraph_that_is_too_long_loses_what_it_has_to(
    text: str, begins: tuple[str, ...]
) -> None:
    text = f"Before it.\n\n{text}".rstrip()

    cut = shortest_cut(text, 100, count)

    assert text[cut:].startswith(begins)
    assert 85 <= count([text[cut:]])[0] <= 100


@given(
    st.lists(st.sampled_from(["word ", "Go. ", "\n\n", "\n", "x" * 30 + " "]), max_size=120),
    st.integers(0, 60),
)
def test_a_cut_keeps_to_the_budget_and_to_the_end(parts: list[str], budget: int) -> None:
    text = "".join(parts)

    cut = shortest_cut(text, budget, count)

    assert 0 <= cut <= len(text)
    assert count([text[cut:]])[0] <= budget
