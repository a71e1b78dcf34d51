"""What holds for any text whatever, and for every mixture of what books are made of."""

from cleaning_laws import cleaned_lawfully, hold
from comparing import check
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_books import AUTHOR, Layout, Piece, book, with_each, with_pieces
from made_parts import CONTENTS, FRONTS, HEADINGS, PAGES, PICTURES, SCENES, page_inside
from made_verse import KEPT, LETTERS
from made_wrappings import WRAPPINGS
from storytui_train.data.clean import clean

from storytui_train.data.documents import SCENE_BREAK, Extracted
from storytui_train.recipe import CleanOptions

OFTEN = settings(
    max_examples=120, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
OPTIONS = st.builds(
    CleanOptions,
    quotes=st.sampled_from(["keep", "straight", "curly"]),
    dashes=st.sampled_from(["keep", "em"]),
    emphasis=st.sampled_from(["markdown", "keep", "drop"]),
    footnotes=st.sampled_from(["drop", "keep"]),
)
LINES = st.lists(
    st.one_of(
        st.text(max_size=30),
        st.sampled_from(
            [
                *(
                    "",
                    "",
                    " ",
                    "\t",
                    "***",
                    "* * *",
                    "CHAPTER I",
                    "I",
                    "II.",
                    "CONTENTS",
                    "THE END",
                ),
                *("[Illustration", "[Illustration]", "]", "[", "[1]", "{12}", "[Pg 3]", "_", "__"),
                *("*** START OF THE PROJECT GUTENBERG EBOOK X ***", "wonder-", "--", "“", '"'),
                *("*** END OF THE PROJECT GUTENBERG EBOOK X ***", "End of Project Gutenberg's X"),
                *("*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*", "FOOTNOTES"),
                *("[Footnote 1:", "Transcriber's Note", "+------+", "| a |", "    verse,", "\x0c"),
                *("A line of prose that is long enough to have been wrapped by some hand at",),
                *("the end, as it was.", "\u2028", "\x85", "\ufeff", "\x00", "é\u0301", "👩‍🚀"),
            ]
        ),
    ),
    max_size=40,
)
TEXTS = st.one_of(
    st.text(max_size=400),
    st.builds(lambda lines, end: end.join(lines), LINES, st.sampled_from(["\n", "\r\n", "\r"])),
    st.builds(lambda lines: "\n\n".join(lines), LINES),
)


@OFTEN
@given(text=TEXTS, options=OPTIONS)
def test_no_text_breaks_it(text: str, options: CleanOptions) -> None:
    cleaned_lawfully(text, options)


@OFTEN
@given(text=TEXTS)
def test_the_same_text_is_cleaned_the_same(text: str) -> None:
    assert clean(Extracted(text=text)) == clean(Extracted(text=text))


@OFTEN
@given(text=TEXTS)
def test_cleaned_text_that_is_cleaned_as_finished_stays(text: str) -> None:
    once = clean(Extracted(text=text))
    extracted = Extracted(text=once.text, finished=True)
    again = clean(extracted)
    hold(extracted, again)
    assert again.text.strip() == once.text.strip()


@settings(OFTEN, max_examples=60)
@given(text=st.text(alphabet="ab \n*_[]{}-.\r\"'I1", max_size=300), options=OPTIONS)
def test_texts_of_few_letters_break_nothing(text: str, options: CleanOptions) -> None:
    cleaned_lawfully(text, options)


MIXED_LAYOUTS = st.builds(
    Layout,
    width=st.integers(55, 80),
    indent=st.sampled_from([0, 0, 2, 4]),
    blank=st.sampled_from([1, 1, 1, 2]),
    before=st.integers(3, 5),
    after=st.integers(2, 3),
    line_break=st.sampled_from(["\n", "\r\n"]),
    trailing=st.booleans(),
)


@settings(OFTEN, max_examples=40)
@given(data=st.data())
def test_every_mixture_of_forms_comes_out(data: st.DataObject) -> None:
    draw = data.draw
    front, back = WRAPPINGS[draw(st.sampled_from(sorted(WRAPPINGS)))]
    heading = HEADINGS[draw(st.sampled_from(sorted(HEADINGS)))]
    made = book(
        seed=draw(st.integers(0, 10**6)),
        chapters=4,
        heading=heading,
        layout=draw(MIXED_LAYOUTS),
        back=back,
    )
    if draw(st.booleans()):
        made = with_each(made, page_inside(PAGES[draw(st.sampled_from(["[Pg 12]", "{12}"]))]))
    sign = SCENES[draw(st.sampled_from(sorted(SCENES)))]
    picture = PICTURES[draw(st.sampled_from(sorted(PICTURES)))]
    made = with_pieces(made, Piece(SCENE_BREAK, "break", printed=sign), every=2, at=5)
    made = with_pieces(made, Piece("", "nothing", printed=picture), every=2, at=4)
    kept = draw(st.sampled_from([*KEPT.values(), *LETTERS.values()]))
    made = with_pieces(made, *kept, every=3, at=2)
    parts = [front, FRONTS[draw(st.sampled_from(sorted(FRONTS)))]]
    contents = draw(st.sampled_from(["", *sorted(CONTENTS)]))
    if contents:
        parts.append(CONTENTS[contents](made))
    assert AUTHOR
    check(made.but(front="\n\n\n".join(parts) + "\n"))
