"""PURE. Whether something may be published: what the recipe marks private stays."""

from collections.abc import Sequence

from storytui.story.visible import visible
from storytui_train.errors import PublishError
from storytui_train.recipe import GutenbergSource, PublishedSource, Recipe, SourceOptions

_FEW = 3


def private_sources(recipe: Recipe) -> tuple[str, ...]:
    """The sources of a recipe that are marked private, as they are named there."""
    return tuple(_named(each) for each in recipe.sources if _is_private(each))


def check(
    recipe: Recipe,
    parts: Sequence[str],
    *,
    public: bool,
    private_rows: int = 0,
    private_bases: Sequence[str] = (),
) -> None:
    """See that parts may be published.

    Args:
        recipe: its sources, and what it says under [publish].
        parts: what is to be published.
        public: whether everybody is to see it.
        private_rows: rows of the data set that are cut from private texts, whatever the recipe
            says by now.
        private_bases: the bases that were trained on private texts themselves, fit to be shown.

    Raises:
        PublishError: they may not be; the message says why, and what would have to be said.
    """
    said = recipe.publish
    if said.never:
        raise PublishError(
            "The recipe says never = true under [publish], so nothing of it is published."
        )
    private = (*private_sources(recipe), *(f"the base {each}" for each in private_bases))
    if not private and not private_rows:
        return
    of = ", ".join(private[:_FEW]) + (" and others" if len(private) > _FEW else "")
    texts = f"texts that are marked private ({of})" if private else "private texts"
    if said.private_texts == "stay":
        raise PublishError(
            f"It was made of {texts}, and stays on this machine. To publish the model all the "
            'same, say private_texts = "model" under [publish] in the recipe; it may repeat what '
            "it was trained on."
        )
    rows = private_sources(recipe) or private_rows
    if "dataset" in parts and rows and said.private_texts != "rows":
        raise PublishError(
            f"The data set holds {texts}. Leave dataset out of the parts, or say "
            'private_texts = "rows" under [publish] in the recipe.'
        )
    if public and said.private:
        raise PublishError(
            f"It was made of {texts}, so --public is not enough to show it to everybody: say "
            "private = false under [publish] in the recipe."
        )


def _is_private(source: SourceOptions) -> bool:
    return not isinstance(source, GutenbergSource | PublishedSource) and source.private


def _named(source: SourceOptions) -> str:
    paths = getattr(source, "paths", ()) or (getattr(source, "path", "") or "takes",)
    return visible(", ".join(str(each) for each in paths), newlines=False)
