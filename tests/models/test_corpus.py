"""Thousands of broken models: each is refused in a sentence, or can only harm its own process."""

import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import broken_gguf as broken
import pytest
import tiny_gguf as tiny
from broken_gguf import Broken
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from storytui.engine.api import EngineError, ModelError
from storytui.engine.messages import ModelConfig
from storytui.engine.process import ProcessEngine
from storytui.models.gguf import GgufHeader, check_gguf

SECONDS = float(os.environ.get("STORYTUI_TORTURE_SECONDS", "0"))
"""How long the random ones go on beyond a short sample."""

WHOLE = tiny.llama()
MOST_MESSAGE = 600


def check(path: Path, data: bytes) -> GgufHeader | str:
    """What the check says; nothing but a ModelError may come of it."""
    path.write_bytes(data)
    try:
        return check_gguf(path)
    except ModelError as error:
        return str(error)


def caught(path: Path, corpus: Iterable[Broken]) -> tuple[int, list[str]]:
    """How many were refused, and what was done to those that were not."""
    refused, accepted = 0, []
    for what, data in corpus:
        said = check(path, data)
        if isinstance(said, GgufHeader):
            accepted.append(what)
            continue
        refused += 1
        assert re.search(r"(?s)tiny\.gguf .*\. [A-Z][^.]*\.|is not a GGUF file", said), (what, said)
        assert len(said) < MOST_MESSAGE + len(str(path))
        assert said.isprintable()
    return refused, accepted


@pytest.mark.parametrize(
    ("corpus", "at_least"),
    [
        (lambda: broken.truncated(WHOLE), 600),
        (lambda: broken.huge_numbers(WHOLE), 600),
        (broken.odd_tensors, 400),
        (broken.odd_entries, 300),
    ],
    ids=["truncated", "huge numbers", "odd tensors", "odd entries"],
)
def test_each_of_these_is_refused(
    tmp_path: Path, corpus: Callable[[], Iterable[Broken]], at_least: int
) -> None:
    refused, accepted = caught(tmp_path / "tiny.gguf", corpus())

    assert accepted == []
    assert refused >= at_least


def test_numbers_a_little_off_are_refused_where_places_follow_from_them(tmp_path: Path) -> None:
    refused, accepted = caught(tmp_path / "tiny.gguf", broken.off_by_little(WHOLE))

    assert refused >= 250
    # What is left are types of numbers, and shapes, which llama.cpp holds against each other.
    follows = re.compile(r"\d+ for \d+, (count|length|offset)")
    assert [each for each in accepted if follows.match(each)] == ["10 for 11, count of tensors"]


def test_a_random_change_is_refused_or_leaves_a_header_that_can_be_shown(tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    seed, end = 1, time.monotonic() + SECONDS
    while True:
        refused, accepted = caught(path, broken.flipped(WHOLE, 700, seed))
        assert refused >= 200
        assert accepted
        refused, _ = caught(path, broken.scrambled(WHOLE, 300, seed))
        assert refused >= 200
        seed += 1
        if time.monotonic() >= end:
            break


@example(b"GGUF")
@example(b"GGUF\3\0\0\0" + b"\xff" * 64)
@example(b"GGUF\3\0\0\0" + b"\0" * 64)
@given(st.binary(max_size=400).map(lambda tail: b"GGUF\3\0\0\0" + tail))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_bytes_at_all_bring_anything_but_a_sentence(tmp_path: Path, data: bytes) -> None:
    assert isinstance(check(tmp_path / "tiny.gguf", data), str)


@given(
    st.lists(
        st.tuples(st.integers(0, WHOLE.header - 1), st.binary(min_size=1, max_size=9)),
        min_size=1,
        max_size=6,
    )
)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_change_to_a_header_brings_anything_but_a_sentence(
    tmp_path: Path, changes: list[tuple[int, bytes]]
) -> None:
    data = bytearray(WHOLE.data)
    for at, raw in changes:
        data[at : at + len(raw)] = raw

    said = check(tmp_path / "tiny.gguf", bytes(data))

    assert isinstance(said, GgufHeader | str)


def accepted_of(corpus: Iterable[Broken], path: Path) -> list[bytes]:
    return [data for _, data in corpus if isinstance(check(path, data), GgufHeader)]


@pytest.mark.skipif(sys.platform == "win32", reason="the loader limits its memory")
def test_what_the_check_lets_through_harms_its_own_process_alone(tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    let_through = accepted_of(broken.off_by_little(WHOLE), path)
    let_through += accepted_of(broken.flipped(WHOLE, 60, seed=7), path)
    let_through += accepted_of(broken.scrambled(WHOLE, 200, seed=7), path)
    sample = random.Random(3).sample(let_through, 40)
    paths = [tmp_path / f"{number}.gguf" for number in range(len(sample))]
    for each, data in zip(paths, sample, strict=True):
        each.write_bytes(data)

    ends: dict[str, int] = {"loaded": 0, "refused": 0, "died": 0}
    while paths:
        done = subprocess.run(
            [sys.executable, Path(__file__).with_name("load_in_turn.py"), *paths],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=60,
        )
        said = done.stdout.decode().split()
        assert said, "the loader did not begin"
        for end in said[1::2]:
            ends[end] += 1
        ends["died"] += said[-1] == "begins"
        paths = paths[said.count("begins") :]

    print("of the models that the check let through:", ends)
    assert sum(ends.values()) == 40
    assert ends["loaded"]
    assert ends["refused"]


def test_the_editors_half_hears_of_a_model_that_llama_cpp_refuses(tmp_path: Path) -> None:
    tensors = [each for each in tiny.llama_tensors() if b"ffn_up" not in each.name]
    path = tmp_path / "tiny.gguf"
    path.write_bytes(tiny.write(tiny.llama_pairs(), tensors).data)
    check_gguf(path)
    engine = ProcessEngine(ModelConfig(path=str(path)))

    with pytest.raises(EngineError, match="tiny"):
        engine.load()

    engine.close()
