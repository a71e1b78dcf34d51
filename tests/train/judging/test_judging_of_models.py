"""The judge with the real small model: a plan that says what comes helps."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storytui_train.data.documents import Source
from storytui_train.data.examples import Row
from storytui_train.data.teacher.judging import Judge, Judged
from storytui_train.recipe import ScoreOptions

CONTEXT = (
    "The lamp had gone out at nine. Old Peter had climbed the stairs every night for thirty "
    "years, and every night it had burned until the morning.\n\nTonight he sat at the table, "
    "with his hands before him, and did not move. His daughter stood in the door.\n\n“You will "
    "not go up?” she said.\n\n“No.”"
)
CONTINUATION = (
    "\n\nShe took her coat from the hook. Out there in the dark a ship was sounding its horn, "
    "and then another answered it, nearer to the rocks. She ran up the stairs with the can in her "
    "hand, and poured, and struck a match, and the wind blew it out. She struck the next one."
)
HINTS = (
    "The daughter goes up in his place. Ships are in danger in the dark, close to the cliffs, and "
    "she hurries to fill the lamp with oil and to light it again, though the wind is against her."
)
UNRELATED = (
    "The committee reviews the quarterly budget of the company. Each department presents figures "
    "for the coming year, and the manager proposes to reduce the cost of paper and of lunches."
)
ROW = Row(
    id="m:0-9",
    source=Source(id="m", kind="manuscript", title="The Lamp"),
    span=(0, 9),
    context=CONTEXT,
    continuation=CONTINUATION,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("judged")


@pytest.fixture(scope="module")
def judged(folder: Path) -> Iterator[Judged]:
    judge = Judge(ScoreOptions(model="built-in"), folder, context=1024)
    yield judge.judge(ROW, (UNRELATED, HINTS), (UNRELATED,))
    judge.close()


def test_a_plan_that_says_what_comes_gains_more_than_one_that_does_not(judged: Judged) -> None:
    assert judged.kept == 1
    assert judged.plans[1].whole > judged.plans[0].whole
    assert judged.plans[1].first > 0
    assert judged.plans[1].first > judged.plans[0].first


def test_words_of_the_plan_were_left_out(judged: Judged) -> None:
    assert 0.02 < judged.plans[1].masked < 0.4
    assert judged.plans[0].masked < 0.02


def test_the_same_plan_has_the_same_gain_wherever_it_stands(judged: Judged) -> None:
    assert judged.control[0] == judged.plans[0]


def test_what_was_judged_needs_no_model(judged: Judged, folder: Path) -> None:
    judge = Judge(ScoreOptions(model="built-in"), folder, "00001", context=1024)
    assert judge.judge(ROW, (UNRELATED, HINTS), (UNRELATED,)) == judged
    assert judge.engine.pid is None  # type: ignore[attr-defined]
    judge.close()
