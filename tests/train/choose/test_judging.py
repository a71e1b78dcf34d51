"""What is taken, and what is set aside with which reason."""

from collections.abc import Callable

import msgspec
import pytest

from storytui_train.data.choose.judging import judge
from storytui_train.data.choose.measuring import measure
from storytui_train.data.choose.quality import grade
from storytui_train.data.documents import Document, Refusal
from storytui_train.recipe import ChooseOptions

Make = Callable[..., Document]
Story = Callable[[str], str]

GOOD = {
    "language": "en",
    "kind": "prose",
    "fiction": "yes",
    "fiction_by": "text",
    "fiction_score": 0.9,
    "words": 50_000,
    "repetition": 0.0,
    "quality": 1.0,
}
ANY = ChooseOptions(languages=(), kinds=("prose", "verse", "play"), fiction="any", minimum_words=1)


USUAL = ChooseOptions()


def judged(document: Document, options: ChooseOptions = USUAL) -> Refusal | None:
    return judge(grade(measure(document)), options)


@pytest.fixture
def measured(document: Make) -> Make:
    """A document that is good in all but the measures given."""

    def make(source: dict[str, object] | None = None, **measures: object) -> Document:
        made = document("", id="gutenberg-1", **(source or {}))
        return msgspec.structs.replace(made, measures={**GOOD, **measures})

    return make


NOVELS = ("11", "120", "1342", "160", "1661", "1695", "209", "215")
STORIES = ("2814", "289", "308", "345", "35", "62", "84")


@pytest.mark.parametrize("number", [*NOVELS, *STORIES])
def test_the_novels_and_stories_of_the_folder_are_taken(
    number: str, document: Make, story: Story
) -> None:
    assert judged(document(story(number))) is None


@pytest.mark.parametrize(
    ("number", "source", "reason"),
    [
        ("844", {}, "play"),
        ("71", {}, "not fiction"),
        ("71", {"subjects": ("Civil disobedience", "Government, Resistance to")}, "not fiction"),
        ("22367", {}, "language"),
        ("22367", {"language": "de", "subjects": ("Metamorphosis -- Fiction",)}, "language"),
    ],
)
def test_the_odd_ones_are_set_aside_with_the_reason(
    number: str, source: dict[str, object], reason: str, document: Make, story: Story
) -> None:
    found = judged(document(story(number), id=f"gutenberg-{number}", **source))
    assert found is not None
    assert (found.stage, found.reason) == ("choose", reason)
    assert f"gutenberg-{number}" in found.detail
    assert "choose.keep" in found.detail


@pytest.mark.parametrize("number", ["844", "71", "22367"])
def test_what_the_recipe_keeps_is_taken_whatever_it_is(
    number: str, document: Make, story: Story
) -> None:
    assert judged(document(story(number), id="odd"), ChooseOptions(keep=("odd",))) is None


def test_what_the_recipe_asks_for_is_taken(document: Make, story: Story) -> None:
    options = {
        "844": ChooseOptions(kinds=("prose", "play")),
        "71": ChooseOptions(fiction="any"),
        "22367": ChooseOptions(languages=("de",)),
    }
    for number, option in options.items():
        assert judged(document(story(number)), option) is None


def test_the_recipe_can_refuse_what_is_good(measured: Make) -> None:
    found = judge(measured(), ChooseOptions(refuse=("gutenberg-1",), keep=("gutenberg-1",)))
    assert found is not None
    assert found.reason == "refused by recipe"


@pytest.mark.parametrize(
    ("measures", "options", "reason", "says"),
    [
        ({"words": 1_999}, {}, "short", "1,999 words; 2,000 are asked for"),
        ({"words": 0}, {}, "short", "no text"),
        ({"words": 1}, {}, "short", "1 word only"),
        ({"words": 9_000}, {"maximum_words": 8_000}, "long", "8,000 is the most"),
        ({"language": "und"}, {}, "language", "cannot be told"),
        ({"language": "fr"}, {"languages": ("en", "de")}, "language", "taken are: en, de"),
        ({"kind": "verse", "verse": 0.8}, {}, "verse", "80 %"),
        ({"kind": "play", "play": 0.93}, {}, "play", "93 % of it is set as speeches"),
        ({}, {"kinds": ("verse",)}, "prose", "taken are: verse"),
        ({"fiction": "no", "fiction_score": 0.2}, {}, "not fiction", "20 of 100"),
        ({"fiction": "no", "fiction_by": "Essays"}, {}, "not fiction", "“Essays”"),
        ({"repetition": 0.31}, {}, "repetition", "31 %"),
        ({"quality": 0.4, "quality_why": "phrases"}, {}, "repetition", "60 of 100 samples"),
        ({"quality": 0.4, "quality_why": "not words"}, {}, "quality", "numbers and signs"),
    ],
)
def test_each_reason_says_what_was_found(
    measures: dict[str, object],
    options: dict[str, object],
    reason: str,
    says: str,
    measured: Make,
) -> None:
    found = judge(measured(**measures), ChooseOptions(**options))  # type: ignore[arg-type]
    assert found is not None
    assert (found.reason, found.id) == (reason, "gutenberg-1")
    assert says in found.detail


def test_what_was_not_measured_is_not_judged(document: Make) -> None:
    assert judge(document("A few words."), ChooseOptions()) is None


def test_what_cannot_be_told_to_be_fiction_is_taken(measured: Make) -> None:
    assert judge(measured(fiction="unknown", fiction_score=-1), ChooseOptions()) is None


def test_her_own_manuscript_is_taken_for_fiction_unless_it_is_plainly_none(measured: Make) -> None:
    her = {"kind": "manuscript"}
    options = ChooseOptions()
    assert judge(measured(her, fiction="no", fiction_score=0.3), options) is None
    plainly = judge(measured(her, fiction="no", fiction_score=0.05), options)
    assert plainly is not None
    assert plainly.reason == "not fiction"


def test_quality_can_be_switched_off(measured: Make) -> None:
    off = ChooseOptions(quality="off")
    assert judge(measured(repetition=0.9, quality=0.0), off) is None


@pytest.mark.parametrize("chapters", [(), ("",), ("", " "), ("I am here",)])
def test_next_to_nothing_is_short_whatever_else_it_is(
    chapters: tuple[str, ...], document: Make
) -> None:
    found = judged(document(*chapters))
    assert found is not None
    assert found.reason == "short"


def test_gibberish_is_in_no_language(document: Make) -> None:
    found = judged(document("xqz vbnm qwrt plkj hgfd zxcv " * 500, language="en"))
    assert found is not None
    assert found.reason == "language"
    assert "the catalogue says en" in found.detail


def test_a_disagreement_with_the_catalogue_is_reported(document: Make, story: Story) -> None:
    found = judged(document(story("22367"), language="en"))
    assert found is not None
    assert "de (the catalogue says en)" in found.detail


def test_what_comes_from_a_catalogue_cannot_reach_the_terminal(measured: Make) -> None:
    found = judge(measured(fiction="no", fiction_by="Essays\x1b]52;c;eA==\x07"), ChooseOptions())
    assert found is not None
    assert "\x1b" not in found.detail


def page_after_page(line: str) -> str:
    return "\n\n".join(line for _ in range(400))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("All work and no play makes Jack a dull boy. " * 3_000, "repetition"),
        (page_after_page("All work and no play makes Jack a very dull boy indeed."), "repetition"),
        ("\n\n".join(f"{n} | {n * n} | {n**3} | {n % 7}" for n in range(5_000)), "quality"),
        ("# # # word # # # and # # # of # # # the # # # " * 300, "repetition"),
    ],
    ids=["one sentence", "one paragraph", "a table", "signs"],
)
def test_what_is_no_running_text_is_told(text: str, reason: str, document: Make) -> None:
    found = judged(document(text), ANY)
    assert found is not None
    assert found.reason == reason


def test_fiction_that_trails_off_and_speaks_in_dashes_is_good(document: Make, story: Story) -> None:
    paragraphs = [f"- {part.rstrip('.')}…" for part in story("2814").split("\n\n")]
    assert grade(measure(document("\n\n".join(paragraphs)))).measures["quality"] == 1.0


def test_scene_breaks_are_no_paragraphs_that_come_again(document: Make, story: Story) -> None:
    paragraphs = story("2814").split("\n\n")
    assert grade(measure(document("\n\n* * *\n\n".join(paragraphs)))).measures["quality"] == 1.0


def test_the_small_words_of_english_are_not_asked_of_other_languages(
    document: Make, story: Story
) -> None:
    assert grade(measure(document(story("22367")))).measures["quality"] == 1.0


def test_scripts_without_spaces_are_not_taken_for_words_without_end(document: Make) -> None:
    sentences = [f"第{n}天，我们坐在河边看船，他说了第{n * 7}个故事。" for n in range(400)]
    assert grade(measure(document("\n\n".join(sentences)))).measures["quality"] == 1.0


def test_grading_costs_the_same_for_a_short_book_and_a_long_one(
    document: Make, story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    from storytui_train.data.choose import quality, tokens

    seen: list[int] = []
    cut = tokens.BookWords.word_tokenize

    def counted(self: tokens.BookWords, text: str) -> list[str]:
        seen.append(len(text))
        return cut(self, text)

    monkeypatch.setattr(tokens.BookWords, "word_tokenize", counted)
    grade(document(story("345")))
    assert sum(seen) <= quality.SAMPLES * quality.SAMPLE
