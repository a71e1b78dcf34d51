"""PURE. Whether a measured text is taken, and if not, why not."""

from storytui.story.visible import visible
from storytui_train.data.choose.languages import UNKNOWN
from storytui_train.data.documents import Document, Refusal
from storytui_train.recipe import ChooseOptions

STAGE = "choose"
REPEATED = 0.2
"""Share of a text in paragraphs that it already had; Gopher's limit (Rae and others 2021, table
A1: `duplicate paragraph character fraction`)."""
QUALITY = 0.7
"""Share of a text's samples that pass Gopher's filters, at the least."""
_TOO_LITTLE = 50
"""Words; of fewer nothing else can be said than that they are few."""
_PLAINLY_NOT = 0.12
"""Her own manuscripts are taken for what she says they are, unless they read like a treatise."""


def judge(document: Document, options: ChooseOptions) -> Refusal | None:
    """Whether a text is left out.

    Args:
        document: as `measuring.measure` and `quality.grade` give it; what was not measured is
            not judged.
        options: of the recipe.

    Returns:
        None where it is taken; else why not: `refused by recipe`, `short`, `language`, `play`,
        `verse`, `prose`, `not fiction`, `long`, `repetition`, or `quality`.
    """
    source = document.source
    if source.id in options.refuse:
        return refusal(document, "refused by recipe", "The recipe names it in choose.refuse.")
    if source.id in options.keep:
        return None
    for found in (
        _too_little(document),
        _language(document, options),
        _kind(document, options),
        _fiction(document, options),
        _length(document, options),
        _quality(document, options),
    ):
        if found is not None:
            reason, what = found
            how = f' To keep it, add "{visible(source.id)}" to choose.keep in the recipe.'
            return refusal(document, reason, what + how)
    return None


def refusal(document: Document, reason: str, detail: str) -> Refusal:
    """A refusal of this stage."""
    source = document.source
    return Refusal(stage=STAGE, id=source.id, title=source.title, reason=reason, detail=detail)


_Found = tuple[str, str] | None


def _too_little(document: Document) -> _Found:
    words = _number(document, "words", _TOO_LITTLE)
    if words >= _TOO_LITTLE:
        return None
    if not words:
        return "short", "There is no text in it, or none in its chapters."
    return "short", f"It has {_counted(words, 'word')} only."


def _language(document: Document, options: ChooseOptions) -> _Found:
    language = str(document.measures.get("language", ""))
    if not language or not options.languages or language in options.languages:
        return None
    given = document.source.language
    wanted = ", ".join(options.languages)
    if language == UNKNOWN:
        what = "It cannot be told which language it is in"
        if given:
            what += f" (the catalogue says {visible(given)})"
        return "language", f"{what}; taken are: {wanted}."
    what = f"It is in another language: {visible(language)}"
    if given and given != language:
        what += f" (the catalogue says {visible(given)})"
    return "language", f"{what}; taken are: {wanted}."


def _kind(document: Document, options: ChooseOptions) -> _Found:
    kind = str(document.measures.get("kind", ""))
    if not kind or kind in options.kinds:
        return None
    if kind == "play":
        share = round(100 * _number(document, "play", 0))
        what = f"It is a play: {share} % of it is set as speeches"
        what += "." if share >= 30 else ", and it has acts and stage directions."
    elif kind == "verse":
        share = round(100 * _number(document, "verse", 0))
        what = f"It is in verse: {share} % of it."
    else:
        what = f"It is prose; taken are: {', '.join(options.kinds)}."
    return kind, what


def _fiction(document: Document, options: ChooseOptions) -> _Found:
    measures = document.measures
    # Plays and verse are never read for it; whoever asks for them means what they are.
    if options.fiction == "any" or measures.get("fiction") != "no":
        return None
    if measures.get("kind") != "prose":
        return None
    by, score = str(measures.get("fiction_by", "text")), _number(document, "fiction_score", 0)
    if by != "text":
        return "not fiction", f"It is not fiction: the catalogue has it under “{visible(by)}”."
    if document.source.kind in ("manuscript", "takes") and score >= _PLAINLY_NOT:
        return None
    return (
        "not fiction",
        "It reads as an essay, a history, or a manual rather than as fiction "
        f"(fiction {round(100 * score)} of 100), and no catalogue says that it is fiction.",
    )


def _length(document: Document, options: ChooseOptions) -> _Found:
    words = _number(document, "words", options.minimum_words)
    if words < options.minimum_words:
        return (
            "short",
            f"It has {_counted(words, 'word')}; {options.minimum_words:,} are asked for.",
        )
    if options.maximum_words and words > options.maximum_words:
        return "long", f"It has {words:,} words; {options.maximum_words:,} is the most."
    return None


def _quality(document: Document, options: ChooseOptions) -> _Found:
    if options.quality == "off":
        return None
    repeated = _number(document, "repetition", 0)
    if repeated > REPEATED:
        return "repetition", f"{round(100 * repeated)} % of it repeats what it already had."
    passed = _number(document, "quality", 1)
    if passed >= QUALITY:
        return None
    why = str(document.measures.get("quality_why", ""))
    reason = "repetition" if why in _REPETITION else "quality"
    what = _WHY.get(why, visible(why) or "they look like no running text")
    return reason, f"{round(100 * (1 - passed))} of 100 samples of it are not usable: {what}."


_REPETITION = frozenset(("paragraphs", "lines", "phrases"))
_WHY = {
    "paragraphs": "whole paragraphs come again",
    "lines": "whole lines come again",
    "phrases": "the same words come again and again",
    "word length": "their words are too short or too long to be words",
    "symbols": "they are full of # or …",
    "not words": "much in them is numbers and signs",
    "stop words": "the small words of the language are missing",
    "no words": "there are no words in them",
}
"""What `quality` calls what it found, for people."""


def _number(document: Document, name: str, missing: float) -> float:
    value = document.measures.get(name, missing)
    return value if isinstance(value, int | float) else missing


def _counted(number: float, noun: str) -> str:
    return f"{number:,.0f} {noun}" if number == 1 else f"{number:,.0f} {noun}s"
