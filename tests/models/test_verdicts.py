"""What the catalogue's models are on a machine, and which of them is suggested."""

from dataclasses import replace

import pytest

from storytui.models.catalog import CatalogueModel, catalogue, model_of
from storytui.models.fit import GIB, Machine
from storytui.models.gguf_choice import choose_files
from storytui.models.published import build_shape, files_as_published
from storytui.models.verdicts import Verdict, best_of, in_order, verdict_of, verdicts_of


def card(size: int) -> Machine:
    return Machine(gpu=size * GIB)


def on(machine: Machine) -> dict[str, Verdict]:
    return {each.entry.id: each for each in verdicts_of(machine)}


def stranger() -> CatalogueModel:
    return CatalogueModel(
        id="stranger",
        name="Stranger",
        repository="someone/Stranger-GGUF",
        files=("*q4_k_m*.gguf",),
        base="someone/Stranger",
        parameters=9.0,
        licence="Apache-2.0",
        prompt_format="cra-v1",
        card=8,
        good_at="Nothing that is known.",
    )


# --- verdicts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "size", "sentence"),
    [
        ("cra-v1-7b", 8, "fits fully: 16k context, 5.5 of 8.0 GiB"),
        ("qwen3-8b", 8, "fits at 16k with q8_0 keys and values, 6.0 of 8.0 GiB"),
        ("mistral-nemo-12b", 8, "too big by 0.3 GiB"),
        ("mistral-nemo-12b", 12, "fits fully: 16k context, 9.6 of 12.0 GiB"),
        ("gemma-3-12b", 12, "fits fully: 16k context, 9.1 of 12.0 GiB"),
        ("ministral-3-14b", 12, "fits fully: 16k context, 10.3 of 12.0 GiB"),
        ("qwen3-14b", 16, "fits fully: 16k context, 13.7 of 16.0 GiB"),
        ("cra-v1-32b", 16, "too big by 3.9 GiB"),
        ("cra-v1-32b", 24, "fits fully: 16k context, 22.7 of 24.0 GiB"),
    ],
)
def test_a_sentence_for_each_card_before_any_download(model: str, size: int, sentence: str) -> None:
    verdict = verdict_of(model_of(model), card(size))

    assert verdict.sentence == sentence
    assert verdict.origin == "published"
    assert verdict.fits is not sentence.startswith("too big")


def test_a_smaller_file_is_looked_at_where_the_wanted_one_is_too_big() -> None:
    small, large = (verdict_of(model_of("qwen3-14b"), card(size)) for size in (12, 16))
    there = ["Qwen3-14B-Q4_K_M.gguf", "Qwen3-14B-Q5_K_M.gguf", "Qwen3-14B-Q6_K.gguf"]

    assert small.sentence.endswith("9.8 of 12.0 GiB, as Q4_K_M")
    assert choose_files(there, small.files, "there") == ("Qwen3-14B-Q4_K_M.gguf",)
    assert choose_files(there, large.files, "there") == ("Qwen3-14B-Q6_K.gguf",)
    assert small.size_bytes < large.size_bytes


def test_a_size_is_that_of_the_published_file_or_of_its_tensors() -> None:
    verdicts = on(card(8))

    assert verdicts["cra-v1-7b"].size_bytes == 4_683_074_240
    assert verdicts["gemma-4-12b"].size_bytes == pytest.approx(7_365_600_000, abs=100_000)
    assert not verdicts["gemma-4-12b"].checked


def test_a_header_that_was_read_goes_before_what_is_published() -> None:
    qwen = build_shape(files_as_published("qwen3-8b")[0])

    here = verdict_of(model_of("cra-v1-7b"), card(8), qwen, size_bytes=5_000_000_000)
    known = verdicts_of(card(8), {"cra-v1-7b": qwen})[0]

    assert here.sentence == known.sentence == on(card(8))["qwen3-8b"].sentence
    assert (here.origin, known.origin) == ("file", "hub")
    assert here.size_bytes == 5_000_000_000
    assert known.size_bytes == qwen.file_bytes
    assert here.files == here.entry.files


def test_of_a_model_without_a_shape_it_is_said_that_nothing_is_known() -> None:
    verdict = verdict_of(stranger(), card(24))

    assert (verdict.fit, verdict.origin, verdict.fits, verdict.context) == (
        None,
        "unknown",
        False,
        0,
    )
    assert verdict.sentence == "not known before its file has been looked at"
    assert verdict.as_json()["plan"] is None
    assert best_of([verdict]) is None


def test_without_a_card_it_is_said_that_it_is_slow() -> None:
    verdicts = on(Machine(host=8 * GIB))

    assert verdicts["cra-v1-7b"].sentence == (
        "runs on the CPU: 4k context, 4.6 of 8.0 GiB of memory; slow without a graphics card"
    )
    assert verdicts["cra-v1-32b"].sentence == "too big for the CPU's memory by 12.6 GiB"


# --- the one to begin with ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("machine", "model"),
    [
        (card(2), None),
        (card(4), "ministral-3-3b"),
        (card(6), "cra-v1-7b"),
        (card(8), "cra-v1-7b"),
        (card(12), "cra-v1-7b"),
        (card(16), "cra-v1-7b"),
        (card(24), "cra-v1-32b"),
        (Machine(host=4 * GIB), None),
        (Machine(host=8 * GIB), "smollm3-3b"),
        (Machine(host=16 * GIB), "smollm3-3b"),
        (Machine(host=64 * GIB), "smollm3-3b"),
        (Machine(), "smollm3-3b"),
    ],
    ids=lambda each: str(each) if each is None or isinstance(each, str) else "",
)
def test_the_one_to_begin_with(machine: Machine, model: str | None) -> None:
    best = best_of(verdicts_of(machine))

    assert (None if best is None else best.entry.id) == model


@pytest.mark.parametrize(
    ("size", "model"),
    [(6, "qwen3-4b"), (8, "qwen3-8b"), (12, "mistral-nemo-12b"), (16, "mistral-small-3.2-24b")],
)
def test_of_untrained_models_one_of_the_largest_class_is_suggested(size: int, model: str) -> None:
    untrained = [each for each in catalogue() if not each.trained]
    best = best_of(verdicts_of(card(size), entries=untrained))

    assert best is not None
    assert best.entry.id == model


def test_a_trained_model_with_little_context_does_not_go_first() -> None:
    tight = Machine(gpu=round(5.7 * GIB))
    verdicts = on(tight)

    assert 0 < verdicts["cra-v1-7b"].context < 8192
    best = best_of(list(verdicts.values()))
    assert best is not None
    assert best.entry.id == "qwen3-4b"


def test_where_none_has_enough_context_the_one_with_the_most_is_suggested() -> None:
    entries = [model_of("qwen3-8b"), model_of("cra-v1-7b")]
    verdicts = verdicts_of(Machine(gpu=round(5.7 * GIB)), entries=entries)
    best = best_of(verdicts)

    assert best is not None
    assert best.context == max(each.context for each in verdicts) > 0


def test_in_order_the_best_is_first_and_the_largest_last() -> None:
    ordered = in_order([*verdicts_of(card(8)), verdict_of(stranger(), card(8))])
    names = [each.entry.id for each in ordered]

    assert names[:3] == ["cra-v1-7b", "cra-v1-guided-7b", "ministral-3-8b"]
    assert [each.fits for each in ordered] == sorted((each.fits for each in ordered), reverse=True)
    assert names.index("stranger") == sum(each.fits for each in ordered)
    assert names[-1] == "mistral-small-3.2-24b"


def test_what_was_measured_on_a_machine_counts() -> None:
    dear = replace(card(8), driver=3 * GIB)

    assert not verdict_of(model_of("qwen3-8b"), dear).fits
