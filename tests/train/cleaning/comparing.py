"""What came out of a made book, held against what must."""

from cleaning_laws import cleaned_lawfully
from made_books import MadeBook
from paragraph_accounting import SUBSCRIPT, words_of

from storytui_train.data.documents import SCENE_BREAK, Cleaned
from storytui_train.recipe import CleanOptions


def flat(text: str) -> str:
    return " ".join(text.split())


def stripped(text: str) -> str:
    return "\n".join(flat(line) for line in SUBSCRIPT.sub(r"\1", text).strip().split("\n"))


def check(made: MadeBook, options: CleanOptions | None = None, *, titles: bool = True) -> Cleaned:
    """Clean a made book: chapters, paragraphs, verse, and scene breaks must be the true ones.

    Raises AssertionError with the first difference.
    """
    cleaned = cleaned_lawfully(made.source, options)
    found = [
        (each.title, [stripped(text) for text in cleaned.text[each.start : each.end].split("\n\n")])
        for each in cleaned.chapters
    ]
    truth = [(title, [stripped(text) for text in paragraphs]) for title, paragraphs in made.truth]
    got = [text for _, texts in found for text in texts]
    want = [text for _, texts in truth for text in texts]
    assert got == want, difference(got, want)
    assert len(found) == len(truth), f"chapters {[title for title, _ in found]}"
    assert [texts for _, texts in found] == [texts for _, texts in truth], "cut elsewhere"
    if titles:
        for (title, _), (true, _) in zip(found, truth, strict=True):
            assert words_of(title) == words_of(true), f"title {title!r} for {true!r}"
    return cleaned


def difference(got: list[str], want: list[str]) -> str:
    """The first place where two lists differ, and how much is missing and added in all."""
    at = next(
        (at for at, (a, b) in enumerate(zip(got, want, strict=False)) if a != b),
        min(len(got), len(want)),
    )
    missing = [each for each in want if each not in got]
    added = [each for each in got if each not in want]
    breaks = got.count(SCENE_BREAK) - want.count(SCENE_BREAK)
    return (
        f"paragraph {at} of {len(want)}: got {_short(got, at)}, want {_short(want, at)}; "
        f"missing {len(missing)} {[each[:50] for each in missing[:2]]}, "
        f"added {len(added)} {[each[:80] for each in added[:3]]}, scene breaks {breaks:+}"
    )


def _short(texts: list[str], at: int) -> str:
    return repr(texts[at][:80]) if at < len(texts) else "nothing"
