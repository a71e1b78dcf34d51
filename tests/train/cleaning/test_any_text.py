"""What holds for any text whatever, and for every mixture of what books are made of."""

from cleaning_laws import cleaned_lawfully, hold
from comparing import check
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from made_mixtures import mixture

from storytui_train.data.clean import clean
from storytui_train.data.documents import Extracted
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


@settings(OFTEN, max_examples=60, phases=[Phase.explicit, Phase.generate])
@given(seed=st.integers(0, 10**9))
def test_every_mixture_of_forms_comes_out(seed: int) -> None:
    made, forms = mixture(seed)
    note(", ".join(forms))
    check(made)
