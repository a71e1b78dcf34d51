"""What the recipe marks private stays, unless it says otherwise in as many words."""

import pytest

from storytui_train.errors import PublishError
from storytui_train.publish.permission import check, private_sources
from storytui_train.recipe import (
    DatasetSource,
    GutenbergSource,
    ManuscriptSource,
    PublishedSource,
    Recipe,
    SourceOptions,
    TakesSource,
)
from storytui_train.recipe_training import PublishOptions

OPEN: tuple[SourceOptions, ...] = (
    GutenbergSource(ids=(11,)),
    PublishedSource(path="a/b"),
    DatasetSource(path="a/b"),
    ManuscriptSource(paths=("open",), private=False),
)
PRIVATE: tuple[SourceOptions, ...] = (
    ManuscriptSource(paths=("my \x1b novel",)),
    TakesSource(),
    DatasetSource(path="mine.jsonl", private=True),
)
MODEL = ("adapter", "gguf")


def recipe(*sources: SourceOptions, **publish: object) -> Recipe:
    return Recipe(name="x", sources=sources, publish=PublishOptions(**publish))  # type: ignore[arg-type]


def test_what_has_no_private_source_may_be_published() -> None:
    made = recipe(*OPEN)
    assert private_sources(made) == ()
    check(made, (*MODEL, "dataset"), public=True)


@pytest.mark.parametrize("source", PRIVATE, ids=lambda each: type(each).__name__)
def test_one_private_source_is_enough_to_stay(source: SourceOptions) -> None:
    made = recipe(*OPEN, source)
    assert len(private_sources(made)) == 1
    for public in (False, True):
        with pytest.raises(PublishError, match='private_texts = "model"') as raised:
            check(made, MODEL, public=public)
        assert "\x1b" not in str(raised.value)


def test_the_recipe_may_let_the_model_go_and_not_the_rows() -> None:
    made = recipe(PRIVATE[0], private_texts="model")
    check(made, MODEL, public=False)
    with pytest.raises(PublishError, match='private_texts = "rows"'):
        check(made, (*MODEL, "dataset"), public=False)
    check(recipe(PRIVATE[0], private_texts="rows"), (*MODEL, "dataset"), public=False)


def test_only_the_recipe_shows_private_texts_to_everybody() -> None:
    with pytest.raises(PublishError, match="--public is not enough"):
        check(recipe(PRIVATE[0], private_texts="rows"), MODEL, public=True)
    check(recipe(PRIVATE[0], private_texts="rows", private=False), MODEL, public=True)


def test_never_is_never() -> None:
    made = recipe(*OPEN, never=True, private_texts="rows", private=False)
    with pytest.raises(PublishError, match="never = true"):
        check(made, MODEL, public=False)


def test_rows_that_were_private_count_whatever_the_recipe_says_by_now() -> None:
    with pytest.raises(PublishError, match="private texts"):
        check(recipe(*OPEN), MODEL, public=False, private_rows=1)
