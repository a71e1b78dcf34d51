"""A measurement from end to end with scripted models: what is asked, kept, and done again."""

import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec import structs
from scripted_models import ANSWER, FREE, PLAN, Model, Opened, contestant, rows

from storytui.engine.api import Engine, EngineDiedError, EngineError
from storytui_train.data.examples import Row
from storytui_train.errors import EvaluateError
from storytui_train.evaluate import running
from storytui_train.evaluate.asking import Asked
from storytui_train.evaluate.contestants import Contestant
from storytui_train.evaluate.kept import Kept
from storytui_train.evaluate.progress import Progress
from storytui_train.evaluate.report import build
from storytui_train.evaluate.running import (
    CONTEXTS,
    Measured,
    Measurement,
    context_for,
    measure,
    steps,
)
from storytui_train.evaluate.writing import markdown

ASKED = Asked(words=20)
ROWS = rows(6)


def outcome(
    folder: Path,
    opened: Opened,
    *names: str,
    takes: int = 4,
    base: str = "",
    of: Sequence[Row] = ROWS,
) -> Measurement:
    progress = Progress(steps(len(names), len(of), takes), stream=io.StringIO())
    with Kept(folder) as kept:
        return measure(
            [contestant(each) for each in names],
            *(of, ASKED, kept),
            takes=takes,
            base=contestant(base) if base else None,
            open_engine=opened,
            progress=progress,
        )


def run(folder: Path, opened: Opened, *names: str, takes: int = 4) -> list[Measured]:
    return list(outcome(folder, opened, *names, takes=takes).found)


def test_every_row_is_scored_and_the_first_have_takes(tmp_path: Path) -> None:
    model = Model(bits=1.5, bits_plain=1.25)
    (found,) = run(tmp_path, Opened(one=model), "one")
    assert list(found.likelihoods) == [each.id for each in ROWS]
    assert list(found.takes) == list(found.free) == [each.id for each in ROWS[:4]]
    assert list(found.gains) == list(found.takes)
    first = found.likelihoods[ROWS[0].id]
    text = ROWS[0].continuation.strip()
    assert first.prompt == pytest.approx(1.5 * len(text))
    assert first.plain == pytest.approx(1.25 * len(text))
    assert first.bytes == len(text.encode())
    assert not first.cut
    assert found.takes[ROWS[0].id].reasoning == PLAN
    assert found.takes[ROWS[0].id].answer == ANSWER
    assert found.free[ROWS[0].id].raw == FREE
    assert found.free[ROWS[0].id].ended
    assert model.closed


def test_what_is_asked_is_what_the_editor_asks(tmp_path: Path) -> None:
    model = Model()
    run(tmp_path, Opened(one=model), "one")
    in_prompt, plain = model.scored[:2]
    row = ROWS[0]
    assert in_prompt.message.startswith("### Task: Continue the story")
    assert in_prompt.message.endswith("### Length: about 20 words")
    assert in_prompt.opening == "<answer>\n\n"
    assert in_prompt.text == row.continuation.lstrip()
    assert (plain.message, plain.opening, plain.text) == (row.context, "\n\n", in_prompt.text)
    assert plain.bare
    take, free = model.requests[:2]
    assert [each.name for each in take.segments] == ["reasoning", "answer"]
    assert take.segments[1].lead == ""
    assert take.message == free.message
    (alone,) = free.segments
    assert (alone.opening, alone.closing, alone.minimum_words, alone.words) == ("", "", 0, None)
    assert alone.tokens <= sum(each.tokens for each in take.segments) + 32
    assert take.sampling == free.sampling
    nothing, own, other = model.scored[-3:]
    assert own.opening == f"<reasoning>{PLAN}</reasoning><answer>\n\n"
    assert len(nothing.opening.split()) == len(own.opening.split())
    assert nothing.text == own.text == other.text


def test_a_model_that_was_not_trained_hears_the_storys_last_words(tmp_path: Path) -> None:
    model = Model()
    with Kept(tmp_path) as kept:
        measure(
            [contestant("one", trained=False)],
            *(ROWS[:1], ASKED, kept),
            takes=1,
            open_engine=Opened(one=model),
            progress=Progress({}, stream=io.StringIO()),
        )
    assert model.scored[0].opening == f"<answer>{ROWS[0].context}\n\n"
    assert model.requests[0].segments[1].lead == ROWS[0].context


def test_the_white_space_before_a_continuation_is_given_to_all(tmp_path: Path) -> None:
    model = Model()
    with Kept(tmp_path) as kept:
        measure(
            [contestant("one", format="cra-v1"), contestant("two")],
            *(ROWS[:1], ASKED, kept),
            takes=0,
            open_engine=Opened(one=model, two=model),
            progress=Progress({}, stream=io.StringIO()),
        )
    bare, plain, verbatim, again = model.scored
    text = ROWS[0].continuation.strip()
    assert [each.text for each in model.scored] == [text] * 4
    assert (bare.opening, verbatim.opening) == ("<answer>", "<answer>\n\n")
    assert plain == again
    assert plain.opening == "\n\n"


def test_nothing_is_done_twice(tmp_path: Path) -> None:
    opened = Opened(one=Model(), two=Model(bits=2))
    first = run(tmp_path, opened, "one", "two")
    assert opened.opened == ["one", "two"]
    assert run(tmp_path, opened, "one", "two") == first
    assert opened.opened == ["one", "two"]
    # More takes are those, and more.
    more = run(tmp_path, opened, "one", takes=5)
    assert opened.opened == ["one", "two", "one"]
    assert dict(list(more[0].takes.items())[:4]) == first[0].takes


class KillError(Exception):
    """Stands for whatever ends a run."""


@pytest.mark.parametrize("after", range(1, 19, 3))
def test_a_run_that_is_ended_anywhere_goes_on_and_comes_to_the_same(
    tmp_path: Path, after: int
) -> None:
    whole = run(tmp_path / "whole", Opened(one=Model()), "one")
    calls = []

    def before() -> None:
        calls.append(1)
        if len(calls) == after:
            raise KillError

    model = Model(before=before)
    with pytest.raises(KillError):
        run(tmp_path / "ended", Opened(one=model), "one")
    assert run(tmp_path / "ended", Opened(one=model), "one") == whole
    # 6 likelihoods, 4 takes, 4 free replies, 4 gains; only what was under way was done again.
    assert len(calls) == 18 + 1


def test_a_process_that_died_is_asked_once_more(tmp_path: Path) -> None:
    calls = []

    def before() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise EngineDiedError("it was killed")

    (found,) = run(tmp_path, Opened(one=Model(before=before)), "one")
    assert len(found.likelihoods) == 6


def test_a_model_that_fails_is_named_with_the_row(tmp_path: Path) -> None:
    def before() -> None:
        raise EngineError("the model gives no numbers\x1b]0;")

    model = Model(before=before)
    with pytest.raises(EvaluateError) as caught:
        run(tmp_path, Opened(one=model), "one")
    assert str(caught.value) == (
        f"one cannot be measured on the row {ROWS[0].id}: the model gives no numbers␛]0;. "
        "What was measured is kept."
    )
    assert model.closed


def failing(sentence: str = "the model gives no numbers") -> Model:
    def before() -> None:
        raise EngineError(sentence)

    return Model(before=before)


def test_the_others_are_measured_though_a_model_fails(tmp_path: Path) -> None:
    opened = Opened(base=Model(), two=failing(), three=Model(bits=2))
    found = outcome(tmp_path, opened, "base", "two", "three", base="base")
    assert [each.contestant.name for each in found.found] == ["base", "three"]
    (failed,) = found.failed
    assert failed.contestant == contestant("two")
    assert "two cannot be measured" in str(failed)
    assert opened.opened == ["base", "two", "three"]
    assert all(each.closed for each in opened.models.values())


def test_a_base_that_fails_ends_it_at_once(tmp_path: Path) -> None:
    opened = Opened(base=failing(), two=Model())
    with pytest.raises(EvaluateError, match="base cannot be measured"):
        outcome(tmp_path, opened, "base", "two", base="base")
    assert opened.opened == ["base"]


def test_where_all_but_the_base_fail_there_is_nothing_to_tell(tmp_path: Path) -> None:
    opened = Opened(base=Model(), two=failing())
    with pytest.raises(EvaluateError, match="two cannot be measured"):
        outcome(tmp_path, opened, "base", "two", base="base")


def test_what_cannot_be_kept_ends_it_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def keep(kept: Kept, key: str, value: object) -> None:
        raise EvaluateError("the disk is full")

    monkeypatch.setattr(Kept, "keep", keep)
    opened = Opened(one=Model(), two=Model())
    with pytest.raises(EvaluateError, match="the disk is full"):
        outcome(tmp_path, opened, "one", "two")
    assert opened.opened == ["one"]


def test_a_model_that_cannot_be_opened_is_one_that_fails(tmp_path: Path) -> None:
    opened = Opened(one=Model())

    def open_engine(of: Contestant, context: int) -> Engine:
        if of.name == "lost":
            raise EvaluateError("lost.gguf is no GGUF.")
        return opened(of, context)

    with Kept(tmp_path) as kept:
        found = measure(
            [contestant("lost"), contestant("one")],
            *(ROWS, ASKED, kept),
            takes=0,
            open_engine=open_engine,
            progress=Progress({}, stream=io.StringIO()),
        )
    assert [str(each) for each in found.failed] == ["lost.gguf is no GGUF."]
    assert len(found.found) == 1


# --- room -----------------------------------------------------------------------------------------


def with_continuation(row: Row, words: int) -> Row:
    return structs.replace(row, continuation="\n\n" + "rain " * words, context="It was so. " * 400)


def test_a_continuation_is_given_no_more_room_than_it_takes(tmp_path: Path) -> None:
    # 600 words of 5 characters are 750 tokens here; asked for as words they would want 2,464.
    row = with_continuation(ROWS[0], 600)
    model = Model(context=2048)
    (found,) = outcome(tmp_path, Opened(one=model), "one", takes=0, of=[row]).found
    assert found.likelihoods[row.id].bytes == 5 * 600 - 1
    assert found.likelihoods[row.id].cut
    assert not found.too_long
    in_prompt, plain = model.scored
    # What is left goes to the story, and the length is told as it is.
    assert in_prompt.message.endswith("### Length: about 600 words")
    assert 500 < len(plain.message) / 4 < 2048 - 750 - 256


def test_a_row_that_does_not_fit_a_model_is_left_out_for_all(tmp_path: Path) -> None:
    some = [
        with_continuation(each, 2000) if number == 1 else each for number, each in enumerate(ROWS)
    ]
    opened = Opened(small=Model(context=2048), large=Model(context=8192))
    found = outcome(tmp_path, opened, "large", "small", base="large", of=some)
    large, small = found.found
    assert found.failed == ()
    assert small.too_long == {some[1].id}
    assert large.too_long == set()
    assert set(small.likelihoods) == {each.id for each in some} - {some[1].id}
    assert len(small.takes) == 3
    report = build([large, small], some, ASKED, takes=4, base="large")
    assert (report.rows, report.left_out, report.takes) == (5, 1, 3)
    assert [each.too_long for each in report.models] == [0, 1]
    for each in report.models:
        assert each.figures["bits_prompt"].rows == 5
        assert each.figures["length"].rows == 3
    assert report.of_books["sentence_words"].rows == 3
    text = markdown(report)
    assert "1 row more did not fit the context of some model" in text
    assert "1 rows did not fit" not in text
    with pytest.raises(EvaluateError, match="No row fits"):
        build([large, small], some[1:2], ASKED, takes=0, base="large")


def test_what_models_wrote_is_kept_from_the_version_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "VERSION", "evaluate-1")
    before = Model()
    run(tmp_path, Opened(one=before), "one")
    monkeypatch.undo()
    model = Model()
    run(tmp_path, Opened(one=model), "one")
    assert model.requests == []
    assert len(model.scored) == len(before.scored)


def test_a_reply_that_lost_its_form_is_left_off(tmp_path: Path) -> None:
    (found,) = run(tmp_path, Opened(one=Model(free="The sea was cold. " * 100)), "one", takes=1)
    free = found.free[ROWS[0].id]
    assert not free.ended
    assert 200 <= len(free.raw) < 400


def test_contexts_are_opened_in_few_sizes() -> None:
    assert context_for(ROWS, ASKED) == CONTEXTS[0]
    long = [rows(1)[0]]
    import msgspec

    long[0] = msgspec.structs.replace(long[0], context="word " * 3000)
    assert context_for(long, ASKED) == CONTEXTS[1]
    assert context_for(long, Asked(context_words=100)) == CONTEXTS[0]
    long[0] = msgspec.structs.replace(long[0], context="word " * 90000)
    assert context_for(long, ASKED) == CONTEXTS[-1]


def test_progress_tells_rate_and_time_left_by_each_kinds_pace() -> None:
    now = [0.0]
    stream = io.StringIO()
    progress = Progress({"rows": 4, "takes": 2}, stream=stream, clock=lambda: now[0])
    progress.begin("Starter")
    for _ in range(2):
        now[0] += 3
        progress.step("rows")
    assert progress.line() == "Starter: 2 of 6 · 20.0 a minute · 12.0 s left"
    now[0] += 30
    progress.step("takes")
    assert progress.line() == "Starter: 3 of 6 · 5.0 a minute · 36.0 s left"
    progress.step("rows", kept=True)
    progress.step("rows", kept=True)
    assert progress.line() == "Starter: 5 of 6 · 5.0 a minute · 30.0 s left"
    assert "\x1b" not in stream.getvalue()
