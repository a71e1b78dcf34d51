"""A recipe on Ray: a local cluster of two workers gives the same rows.

Needs the `cluster` extra: `make test-cluster`.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster_runs import made_by, prepared, with_executor

ray = pytest.importorskip("ray")


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two workers on this machine."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(
        num_cpus=2,
        _memory=4 * 1024**3,
        object_store_memory=100 * 1024**2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
    )
    yield
    ray.shutdown()


def test_the_rows_are_the_same_and_a_failure_is_said(
    recipe: Path, cluster: None, capsys: pytest.CaptureFixture[str]
) -> None:
    other = with_executor(recipe, "ray", memory_per_cpu=1)
    assert prepared(recipe) == 0
    assert prepared(other) == 0
    assert made_by(other) == made_by(recipe)

    work = other.with_suffix("")
    whole = made_by(other)
    for each in ("chunk.json", "chunk/logs/chunk/completions/00002"):
        (work / each).unlink()
    damaged = work / "choose" / "parts" / "00002.jsonl"
    kept = damaged.read_bytes()
    damaged.write_bytes(kept[: len(kept) // 2])
    capsys.readouterr()
    assert prepared(other) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert "1 of 4 pieces of chunk failed; the reason stands in" in said
    damaged.write_bytes(kept)
    assert prepared(other) == 0
    assert made_by(other) == whole
