"""PURE. What a text is like, in figures: what `judging` judges by, and what the report shows."""

import re
from collections.abc import Sequence

import msgspec

from storytui.story.words import count_words
from storytui_train.data.choose import fiction, languages, unspaced
from storytui_train.data.choose.dialogue import dialogue_share
from storytui_train.data.choose.kinds import Shares, kind_shares
from storytui_train.data.choose.samples import bodies, samples
from storytui_train.data.documents import SCENE_BREAK, Document

_SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’»)\]_*]*(?=\s|$)|[。！？]")
_UNSPACED = re.compile(f"[{unspaced.LETTERS}]")
_SHORTEST_REPEATED = 40
"""Characters; a shorter paragraph (`"Yes," he said.`) comes again in any novel."""


def measure(document: Document) -> Document:
    """A document with its measures: `Document.measures` and what was measured of it before.

    `language` (ISO 639-1, `und` where it cannot be told) and `language_share` of the stretches;
    `kind`, `play` and `verse` (shares); `fiction` (`yes`, `no`, `unknown`), `fiction_by` (the
    catalogue's subject, or `text`) and `fiction_score` (how it reads, 0 to 1; -1 where that
    cannot be told); `words`; `sentences` (by their marks); `paragraphs`, and
    `paragraphs_per_1000` words; `chapters`; `dialogue` and `repetition` (shares of characters).
    """
    texts = bodies(document)
    words = sum(map(_words, texts))
    paragraphs = [
        part
        for text in texts
        for part in text.split("\n\n")
        if part.strip() and part.strip() != SCENE_BREAK
    ]
    characters = sum(map(len, texts))
    language, share = _language(document, texts)
    shares = kind_shares(document, texts)
    spoken = sum(dialogue_share(text) * len(text) for text in texts)
    measures: dict[str, float | int | str] = {
        **document.measures,
        "language": language,
        "language_share": round(share, 3),
        "words": words,
        "sentences": sum(len(_SENTENCE_END.findall(text)) for text in texts),
        "paragraphs": len(paragraphs),
        "paragraphs_per_1000": round(1_000 * len(paragraphs) / max(words, 1), 2),
        "chapters": len(texts),
        "dialogue": round(spoken / max(characters, 1), 3),
        "repetition": round(_repeated(paragraphs) / max(characters, 1), 3),
        **_kind_and_fiction(document, texts, shares, language),
    }
    return msgspec.structs.replace(document, measures=measures)


def _kind_and_fiction(
    document: Document, texts: Sequence[str], shares: Shares, language: str
) -> dict[str, float | int | str]:
    said, subject = fiction.catalogue_says(document.source.subjects)
    score = fiction.reads_as_fiction(samples(texts, fiction.WINDOWS, fiction.WINDOW), language)
    if said in ("fiction", "not fiction"):
        answer, by = "yes" if said == "fiction" else "no", subject
    elif score is None:
        answer, by = "unknown", "text"
    else:
        answer, by = "yes" if score >= 0.5 else "no", "text"
    return {
        "kind": shares.kind(),
        "play": round(shares.play, 3),
        "verse": round(shares.verse, 3),
        "fiction": answer,
        "fiction_by": by,
        "fiction_score": -1 if score is None else round(score, 3),
    }


def _language(document: Document, texts: Sequence[str]) -> languages.Language:
    found = languages.language_of(samples(texts, languages.SAMPLES, languages.SAMPLE))
    given = document.source.language.lower()
    if given and not languages.is_known(given.split("-")[0]):
        # What py3langid does not know it takes for something else.
        return languages.Language(given, 0.0)
    return found


def _words(text: str) -> int:
    if text.isascii():
        return count_words(text)
    letters = len(_UNSPACED.findall(text))
    if not letters:
        return count_words(text)
    return count_words(_UNSPACED.sub(" ", text)) + letters // unspaced.LETTERS_A_WORD


def _repeated(paragraphs: Sequence[str]) -> int:
    """Characters in paragraphs that the text already had."""
    seen: set[str] = set()
    repeated = 0
    for paragraph in paragraphs:
        if len(paragraph) < _SHORTEST_REPEATED:
            continue
        if paragraph in seen:
            repeated += len(paragraph)
        else:
            seen.add(paragraph)
    return repeated
