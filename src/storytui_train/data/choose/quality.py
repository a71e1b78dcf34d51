"""Gopher's rules for running text, by datatrove's filters, over samples of a book.

The rules were made for pages of the web (Rae and others 2021, appendix A.1.1). Of a book they see
samples of a page's length, so that their limits mean what they meant, and a long book costs no
more than a short one.
"""

import re
from collections import Counter
from functools import cache

import msgspec
from datatrove.data import Document as Page
from datatrove.pipeline.filters import GopherQualityFilter, GopherRepetitionFilter

from storytui.story.words import count_words
from storytui_train.data.choose import unspaced
from storytui_train.data.choose.samples import bodies, samples
from storytui_train.data.choose.tokens import WORDS
from storytui_train.data.documents import SCENE_BREAK, Document

SAMPLES = 10
SAMPLE = 6_000
"""Characters: about a thousand words."""
_SCENE_BREAKS = re.compile(rf"^{re.escape(SCENE_BREAK)}\n*", re.MULTILINE)
_CALLED = {
    "gopher_below_avg_threshold": "word length",
    "gopher_above_avg_threshold": "word length",
    "gopher_too_many_hashes": "symbols",
    "gopher_too_many_ellipsis": "symbols",
    "gopher_below_alpha_threshold": "not words",
    "gopher_enough_stop_words": "stop words",
    "dup_para_frac": "paragraphs",
    "dup_para_char_frac": "paragraphs",
    "dup_line_frac": "lines",
    "dup_line_char_frac": "lines",
    "empty": "no words",
}
"""What a filter's reason is called in the measures; what is not here are its n-grams."""


def grade(document: Document) -> Document:
    """A measured document with `quality` (the share of its samples that pass Gopher's filters)
    and, where some do not, `quality_why` (what is wrong most often) among its measures."""
    # Scene breaks come again as paragraphs do that somebody pasted twice.
    texts = [_SCENE_BREAKS.sub("", text) for text in bodies(document)]
    pages = samples(texts, SAMPLES, SAMPLE)
    language = str(document.measures.get("language", ""))
    wrong = Counter(why for page in pages if (why := _wrong(page, language)))
    passed = 1 - wrong.total() / len(pages) if pages else 0.0
    why = min(wrong, key=lambda each: (-wrong[each], each)) if wrong else ""
    measures = {**document.measures, "quality": round(passed, 3)}
    if why or not pages:
        measures["quality_why"] = why or "no words"
    return msgspec.structs.replace(document, measures=measures)


def _wrong(text: str, language: str) -> str:
    """What is wrong with a page; empty: nothing."""
    if not count_words(text):
        return "no words"
    page = Page(text=text, id="")
    for each in _filters(language == "en", language in unspaced.LANGUAGES):
        result = each.filter(page)
        if result is not True:
            reason = result[1] if isinstance(result, tuple) else ""
            return _CALLED.get(reason, "phrases")
    return ""


@cache
def _filters(english: bool, by_letter: bool) -> tuple[GopherRepetitionFilter, GopherQualityFilter]:
    quality = GopherQualityFilter(
        # Lengths are judged by the recipe's own limits, over the whole book.
        min_doc_words=None,
        max_doc_words=None,
        min_avg_word_length=None if by_letter else 3,
        max_symbol_word_ratio=0.1,
        # Dialogue opens with dashes in some books, and trails off in others.
        max_bullet_lines_ratio=None,
        max_ellipsis_lines_ratio=None,
        # The stop words are English.
        min_stop_words=2 if english else None,
        language=WORDS,
    )
    letters = {"top_n_grams": (), "dup_n_grams": ()} if by_letter else {}
    # What repeats itself is often wrong in other ways too; that it does says most.
    return GopherRepetitionFilter(language=WORDS, **letters), quality
