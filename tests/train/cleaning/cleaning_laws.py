"""What holds for every text whatever that has been cleaned."""

import re

from storytui_train.data.clean import clean
from storytui_train.data.documents import Cleaned, Extracted
from storytui_train.data.edits import apply
from storytui_train.recipe import CleanOptions

BREAKS = re.compile("[\r\v\f\x1c\x1d\x1e\x85\u2028\u2029]")


def cleaned_lawfully(text: str, options: CleanOptions | None = None, **more: object) -> Cleaned:
    """Clean a text, and hold what comes out against the laws.

    Args:
        text: as a plain text file's decoded.
        options: of cleaning.
        more: of `Extracted`.
    """
    extracted = Extracted(text=text, **more)
    cleaned = clean(extracted, options) if options else clean(extracted)
    hold(extracted, cleaned)
    return cleaned


def hold(extracted: Extracted, cleaned: Cleaned) -> None:
    """Raise AssertionError where a law is broken."""
    assert apply(extracted.text, cleaned.edits) == cleaned.text, "the edits give another text"
    at = 0
    for edit in cleaned.edits:
        assert at <= edit.start <= edit.end <= len(extracted.text), f"{edit} out of order"
        at = edit.end
    end = 0
    for chapter in cleaned.chapters:
        assert end <= chapter.start < chapter.end <= len(cleaned.text), f"{chapter} out of order"
        end = chapter.end
        inside = cleaned.text[chapter.start : chapter.end]
        assert inside == inside.strip(), f"{chapter.title!r} has white space at its ends"
        assert "\n" not in chapter.title
        assert chapter.title == chapter.title.strip()
        assert "\n\n\n" not in inside, f"{chapter.title!r} has more than one blank line"
        assert not BREAKS.search(inside), f"{chapter.title!r} has a line break that is none"
        assert not re.search(r"[ \t]+$", inside, re.M), f"{chapter.title!r} has trailing spaces"
    at = 0
    for loss in cleaned.losses:
        assert 0 <= loss.start <= loss.end <= len(extracted.text), f"{loss} is not in the source"
        assert loss.start >= at, f"{loss} out of order"
        assert loss.why.strip()
        assert loss.words >= 0
        at = loss.start
