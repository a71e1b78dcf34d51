"""Real models: what is measured of the small one, and of it damaged on purpose."""

import argparse
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import damaged
import make_adapters
import msgspec
import pytest
from example_rows import book_rows
from msgspec import structs

from storytui.engine.scores import Passage
from storytui.models.starter import starter_model
from storytui.story.words import count_words
from storytui_train.commands import evaluate as command
from storytui_train.data.examples import Row
from storytui_train.errors import RecipeError, TeacherError
from storytui_train.evaluate.asking import Asked
from storytui_train.evaluate.contestants import Contestant, contestants, opening
from storytui_train.evaluate.forms import form_of
from storytui_train.evaluate.kept import Kept
from storytui_train.evaluate.likelihood import Likelihood, bits, gain, likelihood
from storytui_train.evaluate.measures import first_words
from storytui_train.evaluate.progress import Progress
from storytui_train.evaluate.report import Report
from storytui_train.evaluate.running import Seat

ASKED = Asked(words=16, context_words=36)
CONTEXT = 1024
OPEN = opening(1)
WRONG = (
    "{% for message in messages %}<|im_start|>assistant\n{{ message['content'] }}<|im_end|>\n"
    "<|im_start|>system\nYou are a calculator.<|im_end|>\n<|im_start|>user\n{% endfor %}"
)
"""A template that has the story as the assistant's words and the reply as the user's."""


def rows() -> list[Row]:
    """Two rows of two books, short."""
    found = []
    for number, each in enumerate(book_rows(2)):
        text = first_words(each.continuation, 30)
        source = structs.replace(each.source, id=f"book-{number}")
        found.append(
            structs.replace(
                *(each,), source=source, continuation=text, words=count_words(text), split="test"
            )
        )
    return found


ROWS = rows()


@pytest.fixture(scope="module")
def model() -> Path:
    found = starter_model()
    assert found is not None
    return found


@pytest.fixture(scope="module")
def adapter(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("adapters") / "voice.gguf"
    return make_adapters.make_adapter(path, model, 1, strength=0.004)


def trained(wanted: object) -> Contestant:
    """A model, asked as those are that were trained on the format."""
    (found,) = contestants([str(wanted)], "storytui-1")
    return replace(found, trained=True)


def scored(of: Contestant) -> list[Likelihood]:
    engine = OPEN(of, CONTEXT)
    try:
        return [likelihood(engine, of, row, ASKED) for row in ROWS]
    finally:
        engine.close()


def per_byte(found: list[Likelihood], how: Callable[[Likelihood], float]) -> float:
    return fmean(how(each) / each.bytes for each in found)


def prompt(of: Likelihood) -> float:
    return of.prompt


def plain(of: Likelihood) -> float:
    return of.plain


@pytest.fixture(scope="module")
def bare(model: Path) -> list[Likelihood]:
    return scored(trained(model))


def test_the_small_model_reads_prose_as_a_language_model_does(bare: list[Likelihood]) -> None:
    assert 0.6 < per_byte(bare, prompt) < 2
    assert 0.6 < per_byte(bare, plain) < 2
    for each, row in zip(bare, ROWS, strict=True):
        assert each.bytes == len(row.continuation.strip().encode())
        assert not each.cut


def test_plain_text_has_nothing_of_a_template_round_it(
    model: Path, bare: list[Likelihood], tmp_path: Path
) -> None:
    other = damaged.with_template(model, tmp_path / "wrong.gguf", WRONG)
    found = scored(trained(other))
    assert [each.plain for each in found] == [each.plain for each in bare]
    # Asked so, it knows less of what comes, in every row.
    worse = [a.prompt / b.prompt for a, b in zip(found, bare, strict=True)]
    assert min(worse) > 1.005
    assert fmean(worse) > 1.02


def test_a_model_with_its_layers_shuffled_knows_nothing(
    model: Path, bare: list[Likelihood], tmp_path: Path
) -> None:
    found = scored(trained(damaged.shuffled_layers(model, tmp_path / "shuffled.gguf")))
    for how in (prompt, plain):
        assert per_byte(found, how) > 2 * per_byte(bare, how)


def test_an_adapter_that_works_five_times_as_strongly_does_harm(
    adapter: Path, model: Path, bare: list[Likelihood], tmp_path: Path
) -> None:
    loud = damaged.louder(adapter, tmp_path / "loud.gguf")
    once, five = (scored(trained(f"{model}+{each}")) for each in (adapter, loud))
    assert per_byte(once, prompt) < 1.1 * per_byte(bare, prompt)
    assert per_byte(five, prompt) > 1.15 * per_byte(bare, prompt)


def test_bits_are_the_tokens_of_the_text_and_plans_change_them(model: Path) -> None:
    of = trained(model)
    engine = OPEN(of, CONTEXT)
    row = ROWS[0]
    try:
        # The text itself as its plan: all of it is shared, so nothing of it counts as gained.
        told = " ".join(row.continuation.split())
        found = gain(engine, of, row, told, "The committee reviews its budget.", ASKED)
        (alone,) = engine.score([Passage(message="", opening="A", text=" b c d", bare=True)])
    finally:
        engine.close()
    assert len(alone.logprobs) == len(alone.tokens) == 3
    assert bits(alone) > 0
    assert found.unmasked > 50
    assert found.own < found.unmasked
    assert found.masked > 0.3
    assert found.control < 20


def test_a_take_is_the_editors_and_a_free_reply_is_the_models_own(
    model: Path, tmp_path: Path
) -> None:
    (of,) = contestants([str(model)])
    progress = Progress({}, stream=io.StringIO())
    with Kept(tmp_path) as kept:
        seat = Seat(of, ASKED, kept, CONTEXT, OPEN, progress)
        try:
            take, free = seat.take(ROWS[0]), seat.free(ROWS[0])
            again = Seat(of, ASKED, kept, CONTEXT, OPEN, progress)
            assert again.take(ROWS[0]) == take
        finally:
            seat.close()
    assert count_words(take.reasoning) >= 8
    assert 12 <= count_words(take.answer) <= 32
    assert "<" not in take.reasoning + take.answer
    assert free.raw.strip()
    # It never saw the format, and nobody helped.
    assert not form_of(free.raw, ended=free.ended).right


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dataset") / "rows"
    folder.mkdir()
    (folder / "test.jsonl").write_bytes(
        b"".join(msgspec.json.encode(each) + b"\n" for each in ROWS)
    )
    return folder.parent


def run(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    command.add_options(parser)
    return command.run(parser.parse_args([str(each) for each in arguments]))


@pytest.fixture
def arguments(path: Path, model: Path, adapter: Path) -> list[object]:
    return [
        *(path, "--model", f"{model}+{adapter}@6", "--format", "storytui-1", "--threads", 1),
        *("--rows", 2, "--takes", 0, "--words", 16, "--context-words", 24),
    ]


def test_a_model_is_held_against_the_one_under_its_adapter(
    arguments: list[object], path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 1
    said = capsys.readouterr()
    assert "voice × 6 is worse than SmolLM2-135M-Instruct.Q4_1" in said.out
    folder = path.parent / "evaluation"
    assert {each.name for each in folder.iterdir()} == {
        *("report.md", "report.json", "kept.jsonl", "likelihood.png", "books.png"),
    }
    files = {each.name: each.read_bytes() for each in folder.iterdir()}
    report = msgspec.json.decode(files["report.json"], type=Report)
    base, new = report.models
    assert report.base == base.name
    assert new.verdict is not None
    assert new.verdict.worse
    assert new.adapters == ("voice.gguf × 6",)
    # Again: nothing is loaded, nothing is written anew, and the same comes out.
    assert run(*arguments, "--json") == 1
    said = capsys.readouterr()
    assert msgspec.json.decode(said.out, type=Report) == report
    assert {each.name: each.read_bytes() for each in folder.iterdir()} == files


def test_what_cannot_be_measured_is_said_at_once(path: Path, model: Path, adapter: Path) -> None:
    for wrong, error, said in (
        ([path], RecipeError, "No model is named"),
        ([path, "--model", model, "--words", 0], RecipeError, "Takes need words"),
        ([path, "--model", " "], RecipeError, "named by nothing"),
        ([path, "--model", model, "--format", "x\x1b"], RecipeError, "No prompt format .*␛.*"),
        ([path, "--model", "no-such-model"], TeacherError, "no-such-model"),
        ([path, "--model", f"{model}+no-such-adapter"], TeacherError, "no adapter no-such"),
        ([path, "--model", adapter], TeacherError, "voice.gguf"),
        ([path, "--model", f"{model}+{model}"], TeacherError, "SmolLM2"),
    ):
        with pytest.raises(error, match=said):
            run(*wrong)


# --- names ----------------------------------------------------------------------------------------


def test_models_are_told_apart_and_asked_in_one_format(
    model: Path, adapter: Path, tmp_path: Path
) -> None:
    formatted = make_adapters.write_adapter(
        tmp_path / "trained+voice.gguf",
        {each.name: each.data for each in damaged.read(adapter).tensors},
        strings={"storytui.prompt_format": "storytui-1"},
    )
    found = contestants(["built-in", str(model), f"{model}+{adapter}", f"built-in+{formatted}"])
    assert [each.name.partition(" + ")[2] for each in found] == ["", "voice", "trained+voice"]
    assert [each.trained for each in found] == [False, False, True]
    assert {each.format for each in found} == {"storytui-1"}
    assert [each.bare for each in found] == [True, False, False]
    assert len({each.identity for each in found}) == 3
    assert contestants(["built-in"])[0].format == "cra-v1"
    both = contestants(["built-in", f"built-in+{formatted}"], "cra-v1")
    assert {each.format for each in both} == {"cra-v1"}
    assert [(each.trained, each.learnt) for each in both] == [(False, ""), (True, "storytui-1")]
    assert {each.learnt for each in found} == {""}
    twice = contestants([f"built-in+{formatted}", f"built-in+{formatted}@2"])
    assert [each.adapters[0].scale for each in twice] == [1, 2]
