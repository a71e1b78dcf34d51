"""What the doctor says of a continuation, by how the engine behaves."""

from msgspec import structs

from storytui.doctor.continuation import check_continuation
from storytui.doctor.finding import Finding
from storytui.engine.api import (
    AdapterError,
    ConsentNeededError,
    EngineError,
    Finished,
    SegmentEnded,
    Statistics,
)
from storytui.engine.remote import parse_address
from storytui.engine.scripted import SCRIPTED_MODEL, Fail, ScriptedEngine, Step, Wait, segment


def statistics(speed: float) -> Statistics:
    return Statistics(
        prompt_tokens=90,
        reused_tokens=0,
        evaluated_tokens=90,
        generated_tokens=40,
        first_token_ms=500.0,
        tokens_per_second=speed,
    )


def engine_of(*steps: Step, **changes: object) -> ScriptedEngine:
    """An engine of one script, and a model that is described otherwise."""
    return ScriptedEngine([steps], info=structs.replace(SCRIPTED_MODEL, **changes))


def written(speed: float) -> tuple[Step, ...]:
    return (
        *segment("reasoning", "She waits."),
        *segment("answer", " He said nothing."),
        Finished("closed", statistics(speed)),
    )


def found(
    engine: ScriptedEngine, wanted: str = "auto", longest: float = 60.0
) -> dict[str, Finding]:
    findings = {
        each.subject: each for each in check_continuation(lambda: engine, wanted, longest=longest)
    }
    assert engine.closed
    assert all(bool(each.remedy) == (each.level != "ok") for each in findings.values())
    return findings


def test_the_format_of_the_settings_is_the_one_that_is_tried() -> None:
    engine = engine_of(*written(20.0))
    findings = found(engine, "storytui-1")
    assert findings["Prompt format"].says.startswith("storytui-1: ")
    assert findings["Continuation"].level == "ok"
    assert "### Length: about 30 words" in engine.requests[0].message


def test_a_slow_model_is_a_warning() -> None:
    findings = found(engine_of(*written(2.0)))
    assert findings["Continuation"].level == "warning"
    assert "slower than one reads" in findings["Continuation"].says


def test_a_model_that_does_not_come_to_an_end_is_stopped() -> None:
    engine = engine_of(*segment("reasoning", "She waits."), Wait())
    findings = found(engine, longest=0.05)
    assert findings["Continuation"].level == "warning"
    assert "were not written within 0.05 seconds" in findings["Continuation"].says


def test_a_reply_without_an_answer_and_one_that_fails_are_problems() -> None:
    empty = (SegmentEnded("answer", "closed"), Finished("closed", statistics(20.0)))
    assert found(engine_of(*empty))["Continuation"].level == "problem"
    failing = engine_of(Fail(AdapterError("It does not go with the model.")))
    assert found(failing)["Continuation"].says == "It does not go with the model"


def test_layers_that_are_left_on_the_cpu_are_counted_as_the_editor_counts_them() -> None:
    partly = found(engine_of(*written(20.0), layers=28, gpu_layers=28))
    assert partly["Layers"].says.startswith("only 28 of 29 layers")
    assert "Layers" not in found(engine_of(*written(20.0), layers=28, gpu_layers=29))


def test_a_chat_template_that_fails_is_said() -> None:
    problem = "The chat template refuses: only robots, so the model is used without it."
    findings = found(engine_of(*written(20.0), chat_template="failed", template_problem=problem))
    assert findings["Chat template"].level == "warning"
    assert findings["Chat template"].says == problem.rstrip(".")


def test_a_server_that_fails_is_told_of_without_its_name() -> None:
    address = parse_address("http://marits-nas:8080")
    for error, level in (
        (ConsentNeededError("marits-nas"), "warning"),
        (
            EngineError("The server marits-nas:8080 does not answer; look for marits-nas."),
            "problem",
        ),
    ):
        engine = ScriptedEngine([()], load=[Fail(error)])
        (only,) = check_continuation(lambda engine=engine: engine, "auto", server=address)
        assert (only.subject, only.level, bool(only.remedy)) == ("Server", level, True)
        assert "marit" not in only.says + only.remedy
        assert engine.closed
