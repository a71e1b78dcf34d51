"""The table of `benchmarks/plans.py`, from judgements that are given."""

import importlib.util
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from storytui_train.data.documents import Source
from storytui_train.data.examples import Row
from storytui_train.data.teacher.judging import Judged
from storytui_train.data.teacher.kept_judgements import Gains

BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "plans.py"


@pytest.fixture(scope="module")
def plans() -> ModuleType:
    spec = importlib.util.spec_from_file_location("plans", BENCHMARK)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def row(number: int, book: str, reasoning: str = "") -> Row:
    return Row(
        id=f"{book}:{number}",
        source=Source(id=book, kind="gutenberg", title=book.title()),
        span=(0, 9),
        context="He had gone to the end of the long pier.",
        continuation=" There she stood with a lantern in her left hand, and said nothing.",
        reasoning=reasoning,
    )


def gains(first: float, second: float) -> Gains:
    return Gains(first=first, second=second, whole=(first + second) / 2, masked=0.1)


def test_rows_are_read_with_their_plans_or_alone(plans: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    lines = [
        {"row": msgspec.to_builtins(row(1, "emma")), "plans": [{"text": "One."}, {"text": "Two."}]},
        msgspec.to_builtins(row(2, "emma", "Three.")),
        msgspec.to_builtins(row(3, "emma")),
    ]
    path.write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in lines))
    assert [(each.row.id, each.plans) for each in plans.read(path)] == [
        ("emma:1", ("One.", "Two.")),
        ("emma:2", ("Three.",)),
    ]


def test_a_leak_is_a_run_of_words_of_the_continuation_alone(plans: ModuleType) -> None:
    of = row(1, "emma")
    assert plans.leak("She stood with a lantern in her room", of, 6) > 0
    assert plans.leak("He goes to the end of the long pier", of, 6) == 0
    assert plans.leak("She waits.", of, 6) == 0


def test_the_table_has_the_kept_plans_beside_their_control(plans: ModuleType) -> None:
    planned = [
        plans.Planned(row(n, book), ("A plan.", "Stood with a lantern in her left hand."))
        for book in ("emma", "dracula")
        for n in range(3)
    ]
    judged = [
        Judged(
            plans=(gains(1, 9), gains(2, 3 + n % 3)),
            control=(gains(-1, 1), gains(-2, 8)),
        )
        for n in range(6)
    ]
    text = plans.table(planned, judged, 6, 1)
    assert "| kept plan (best of 2 on the first half), second half | +4.00 |" in text
    assert "| the same choice among another row's plans, second half | +1.00 |" in text
    assert "| kept plan less that control | +3.00 |" in text
    assert "Of the kept plans 6 of 6 share a run of 6 words" in text
    assert "of all plans 6 of 12" in text
    assert "| Dracula | 3 | +4.00 | +1.00 | +3.00 |" in text
