"""What a text is measured to be: its language, its kind, whether it is fiction, its figures."""

import codecs
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from storytui_train.data.choose import fiction, languages
from storytui_train.data.choose.dialogue import dialogue_share
from storytui_train.data.choose.kinds import is_verse, kind_shares
from storytui_train.data.choose.measuring import measure
from storytui_train.data.choose.samples import bodies, samples
from storytui_train.data.documents import Document

Make = Callable[..., Document]
Story = Callable[[str], str]

NOVELS = ("11", "120", "160", "209", "215", "289", "35", "62", "84")
STORIES = ("1342", "1661", "1695", "2814", "308", "345")
CONTEMPORARY = """\
Mara waits until the kettle clicks off before she says it. “I’m not going back.”

Her brother doesn’t look up from the phone. “You say that every year.”

“This time I mean it.” She pours the water, too fast, and it runs over the rim of the cup and \
across the table towards his sleeve. He lifts his arm without a word. Outside a van is reversing, \
its alarm counting the seconds.

She finds a cloth under the sink and wipes the table, then the floor, then the same patch of \
floor again. When she stands up he is watching her.

“What did he do?” he asks.

She shakes her head. The window has misted over, and with one finger she draws a line through \
it, and then another. “Nothing. He opened the door, and he smiled, and I knew.”
"""
ESSAY = """\
It is generally supposed that the value of an institution is to be measured by the number of \
those who profit by it. This principle, however, is open to several objections. For the benefits \
which society derives from such forms are of various kinds, and there is no general rule by which \
they can be compared.

In the first place, we must consider the nature of the case. Whatever is useful to the whole is, \
by definition, useful to some of its members; but it does not follow that it is useful to all of \
them, nor that it ought to be imposed by law. Hence the first duty of a government is to ask \
whether the end could be reached by other means.
"""


@pytest.mark.parametrize("number", [*NOVELS, *STORIES])
def test_novels_and_stories_read_as_fiction_in_english_prose(
    number: str, document: Make, story: Story
) -> None:
    measures = measure(document(story(number))).measures
    assert (measures["language"], measures["kind"]) == ("en", "prose")
    assert (measures["fiction"], measures["fiction_by"]) == ("yes", "text")


def test_the_tract_reads_as_no_fiction(document: Make, story: Story) -> None:
    measures = measure(document(story("71"))).measures
    assert measures["fiction"] == "no"
    assert float(measures["fiction_score"]) < 0.2


def test_the_play_is_a_play(document: Make, story: Story) -> None:
    measures = measure(document(story("844"))).measures
    assert measures["kind"] == "play"
    assert float(measures["play"]) > 0.9


def test_the_german_novella_is_german_and_fiction(document: Make, story: Story) -> None:
    measures = measure(document(story("22367"), language="en")).measures
    assert (measures["language"], measures["language_share"]) == ("de", 1.0)
    assert measures["fiction"] == "yes"


def test_a_story_in_the_present_tense_reads_as_fiction(document: Make) -> None:
    assert measure(document(CONTEMPORARY)).measures["fiction"] == "yes"


def test_an_essay_reads_as_none(document: Make) -> None:
    assert measure(document(ESSAY)).measures["fiction"] == "no"


@pytest.mark.parametrize(
    ("subjects", "said"),
    [
        (("Paris (France) -- History -- 1789-1799 -- Fiction",), "fiction"),
        (("Adultery -- Fiction", "Louisiana -- Social life and customs"), "fiction"),
        (("Detective and mystery stories, English",), "fiction"),
        (("Civil disobedience", "Short stories"), "fiction"),
        (("Fantasy",), "fiction"),
        (("Biographical fiction",), "fiction"),
        (("Browsing: Literature", "Category: Novels"), "fiction"),
        (("Civil disobedience", "Government, Resistance to"), "not fiction"),
        (("English fiction -- 18th century -- History and criticism",), "not fiction"),
        (("Southern States -- Description and travel",), "not fiction"),
        (("American essays",), "not fiction"),
        (("Beethoven, Ludwig van, 1770-1827. Correspondence",), "not fiction"),
        (("Cooking, English",), "not fiction"),
        (("Comedies", "Identity (Psychology) -- Drama"), "play"),
        (("English poetry",), "verse"),
        (("Whales",), ""),
        ((), ""),
    ],
)
def test_what_a_catalogue_says(subjects: tuple[str, ...], said: str) -> None:
    assert fiction.catalogue_says(subjects)[0] == said


def test_a_catalogue_knows_better_than_the_text(document: Make) -> None:
    essay = measure(document(ESSAY, subjects=("Essays -- Fiction",))).measures
    tale = measure(document(CONTEMPORARY, subjects=("Kitchens -- Correspondence",))).measures
    assert (essay["fiction"], essay["fiction_by"]) == ("yes", "Essays -- Fiction")
    assert (tale["fiction"], tale["fiction_by"]) == ("no", "Kitchens -- Correspondence")


def test_a_catalogue_that_says_nothing_leaves_it_to_the_text(document: Make) -> None:
    assert measure(document(CONTEMPORARY, subjects=("Whales",))).measures["fiction_by"] == "text"


def test_in_other_languages_only_much_or_no_dialogue_tells() -> None:
    spoken = "»Ich komme nicht mit«, sagte sie, und er schwieg.\n\n" * 20
    told = "Der Staat ist die Gesamtheit seiner Einrichtungen und seiner Bürger.\n\n" * 20
    little = told + "»Ich komme nicht mit«, sagte sie.\n\n" * 3
    assert (fiction.reads_as_fiction([spoken], "de") or 0) > 0.9
    assert (fiction.reads_as_fiction([told], "de") or 1) < 0.1
    assert fiction.reads_as_fiction([little], "de") is None


@pytest.mark.parametrize(
    "speeches",
    [
        ["Algernon.  Did you hear what I was playing, Lane?", "Lane.  I didn't think it polite."],
        ["HELMER.\nIs that my little lark?", "NORA.\nYes, it is. [Busy opening parcels.]"],
        ["_Gudfinna (calling)._", "Tell him to come.", "_The Boy._", "He is not here."],
        ["_Witch_\n\nPour drop by drop.", "_Ogre_\n\nRevenge is sweet."],
        ["LIZA [rising] You're a great bully.", "MRS. PEARCE. Don't answer back, girl."],
        ["Faust: Da steh ich nun.", "Wagner: Verzeiht! Ich hör euch deklamieren."],
    ],
)
def test_speakers_names_make_a_play_however_they_are_printed(
    speeches: list[str], document: Make
) -> None:
    made = document("\n\n".join(speeches * 6))
    assert kind_shares(made, bodies(made)).kind() == "play"


@pytest.mark.parametrize(
    "paragraphs",
    [
        ["“No,” he said.", "Mr. Bennet was among the earliest.", "No. He would not go."],
        ["I. Begin the morning.", "II. This also.", "III. Put away thy thirst.", "IV. Remember."],
        ["To Schindler.", "I cannot come today, and send you the pages.", "Yours,\nBeethoven."],
        ["Fig. 1 shows the valve.", "Fig. 2 shows it closed.", "Note. It may leak."],
    ],
)
def test_what_only_looks_like_speakers_is_prose(paragraphs: list[str], document: Make) -> None:
    made = document("\n\n".join(paragraphs * 6))
    assert kind_shares(made, bodies(made)).kind() == "prose"


def test_chapters_marked_by_the_cleaning_decide_what_their_text_does_not_show(
    document: Make,
) -> None:
    for kind in ("play", "verse", "prose"):
        made = document("She went out.", "He stayed.", are=kind)
        assert measure(made).measures["kind"] == kind


def test_verse_is_short_lines_with_capitals_and_wrapped_prose_is_not() -> None:
    assert is_verse("Tyger Tyger, burning bright,\nIn the forests of the night;")
    assert not is_verse("The road ran down to the river and\nfrom there along the bank to where")
    assert not is_verse("One line alone.")
    wrapped = "It was the best of times, it was the worst of times, it was the age of\n" * 4
    assert not is_verse(wrapped)


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ('"Come," he said.', 7 / 16),
        ("“Come,” he said.", 7 / 16),
        ("‘Come,’ he said.", 7 / 16),
        ("»Komm«, sagte er.", 6 / 17),
        ("„Komm“, sagte er.", 6 / 17),
        ("— Come, he said.", 1.0),
        ("He didn't come; the boys' dog did.", 0.0),
        ("", 0.0),
    ],
)
def test_dialogue_in_every_manner(text: str, share: float) -> None:
    assert dialogue_share(text) == pytest.approx(share)


def test_speech_that_goes_on_in_the_next_paragraph_ends_with_its_own() -> None:
    text = "“One paragraph\n\n“and another.” He was done."
    assert dialogue_share(text) == pytest.approx(len("“One paragraph“and another.”") / len(text))


@pytest.mark.parametrize(
    "text",
    [
        codecs.encode(ESSAY, "rot13"),
        "xqz vbnm qwrt plkj hgfd zxcv " * 60,
        "1 2 3 4 5 6 7 8 9 " * 80,
        "😀 🎈 " * 100,
        "aGVsbG8gd29ybGQgdGhpcyBpcyBhIHRlc3Qgb2YgYmFzZTY0IGVuY29kaW5nCg== " * 30,
    ],
)
def test_what_is_in_no_language_is_in_none_that_can_be_told(text: str, document: Make) -> None:
    assert measure(document(text)).measures["language"] == languages.UNKNOWN


def test_a_text_in_two_languages_is_in_that_of_most_of_it(document: Make, story: Story) -> None:
    german, english = story("22367"), story("215")[:30_000]
    measures = measure(document(german, english)).measures
    assert measures["language"] == "de"
    assert 0.5 < float(measures["language_share"]) < 1


def test_a_language_that_the_model_does_not_know_is_the_catalogues(document: Make) -> None:
    measures = measure(document("Ti kabsat ket napan idiay baybay.", language="ilo")).measures
    assert (measures["language"], measures["language_share"]) == ("ilo", 0)


def test_words_are_counted_where_no_spaces_part_them(document: Make) -> None:
    measures = measure(document("我们坐在河边，看着船慢慢地走远。" * 100)).measures
    assert measures["language"] == "zh"
    assert 500 < int(measures["words"]) < 1_400


def test_paragraphs_that_come_again_are_repetition(document: Make) -> None:
    once = "\n\n".join(f"In the year {year} the river froze over again." for year in range(50))
    twice = measure(document(once, once)).measures
    assert measure(document(once)).measures["repetition"] == 0
    assert float(twice["repetition"]) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("chapters", [(), ("",), ("", "  \n"), ("I am here",), ("…",)])
def test_next_to_nothing_is_measured_without_complaint(
    chapters: tuple[str, ...], document: Make
) -> None:
    measures = measure(document(*chapters)).measures
    assert measures["chapters"] == len(chapters)
    assert int(measures["words"]) == (3 if "I am here" in chapters else 0)


@settings(max_examples=60, deadline=None)
@given(text=some.text(max_size=300), count=some.integers(1, 6), size=some.integers(5, 80))
def test_samples_are_of_the_text_and_not_too_many(text: str, count: int, size: int) -> None:
    found = samples([text], count, size)
    assert len(found) <= count
    assert all(each in text and each.strip() for each in found)


@settings(max_examples=40, deadline=None)
@given(some.lists(some.text(max_size=200), max_size=4))
def test_any_text_can_be_measured(document: Make, chapters: list[str]) -> None:
    measures = measure(document(*chapters)).measures
    assert all(0 <= float(measures[name]) <= 1 for name in ("dialogue", "repetition", "verse"))
