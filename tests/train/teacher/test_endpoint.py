"""What an endpoint does, and what becomes of it."""

import socket
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import msgspec
import pytest
from teacher_rows import files, options, rows
from teacher_run import run
from teacher_stand_in import StandIn, name_of

from storytui_train.data.teacher.replies import kept_replies, spent
from storytui_train.errors import TeacherError

Standing = Callable[..., StandIn]


def unused_address() -> str:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listening.getsockname()[1]}/v1"


@pytest.mark.parametrize(
    "fault", ["429", "500", "503", "drop", "cut", "truncated", "error-in-200", "timeout"]
)
def test_a_request_that_goes_wrong_on_the_way_is_sent_again(
    standing_in: Standing, tmp_path: Path, fault: str
) -> None:
    undisturbed = run(tmp_path / "a", options(standing_in().url), rows(3))
    disturbed = standing_in(script=[fault] * 4)

    found = run(tmp_path / "b", options(disturbed.url), rows(3))

    assert found == undisturbed
    assert disturbed.script == []
    assert sum(disturbed.received.values()) == len(disturbed.answered) + 4


def test_costs_and_thoughts_come_through(standing_in: Standing, tmp_path: Path) -> None:
    (planned,) = run(tmp_path, options(standing_in().url), rows(1))

    kept = list(kept_replies(tmp_path / "replies"))
    results = [each.result for each in kept if each.result is not None]
    assert len(results) == 3
    assert {result["finish_reason"] for result in results} == {"stop"}
    assert all(result["reasoning"].startswith("thought ") for result in results)
    assert all(result["usage"]["cost"] > 0 for result in results)
    assert planned.teacher is not None
    assert planned.teacher.requests == 3
    total = sum(result["usage"]["cost"] for result in results)
    assert planned.teacher.cost == pytest.approx(total)
    assert spent(tmp_path / "replies").reported == pytest.approx(total)


def test_a_wrong_key_is_told_once_without_showing_it(
    standing_in: Standing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = standing_in()
    monkeypatch.setenv("STAND_IN_KEY", "sk-quite-wrong")

    with pytest.raises(TeacherError, match="does not take the key") as caught:
        run(tmp_path, options(stand_in.url), rows(5))

    assert "STAND_IN_KEY" in str(caught.value)
    assert "sk-quite-wrong" not in str(caught.value)
    assert len(stand_in.headers) == 1
    assert files(tmp_path / "plans") == {}


def test_an_unknown_model_is_told(standing_in: Standing, tmp_path: Path) -> None:
    stand_in = standing_in()

    with pytest.raises(TeacherError, match=r"does not know the model no/such.*teacher\.model"):
        run(tmp_path, options(stand_in.url, model="no/such"), rows(5))

    assert sum(stand_in.received.values()) == 1


def test_an_address_where_nobody_listens_is_told(tmp_path: Path) -> None:
    with pytest.raises(TeacherError, match=r"cannot be reached.*teacher\.url"):
        run(tmp_path, options(unused_address()), rows(5))


def test_an_account_without_credit_is_told_and_what_came_is_kept(
    standing_in: Standing, tmp_path: Path
) -> None:
    stand_in = standing_in(script=[""] * 7 + ["402"] * 99)

    with pytest.raises(TeacherError, match="has no credit left") as caught:
        run(tmp_path, options(stand_in.url), rows(20))

    assert "Every reply that came is kept" in str(caught.value)
    kept = {each.key for each in kept_replies(tmp_path / "replies")}
    assert kept == set(stand_in.answered)
    assert len(kept) >= 7
    stand_in.script = []
    assert len(run(tmp_path, options(stand_in.url), rows(20))) == 20
    assert [stand_in.received[key] for key in kept] == [1] * len(kept)


def test_a_key_that_stops_working_keeps_what_came(standing_in: Standing, tmp_path: Path) -> None:
    stand_in = standing_in()
    run(tmp_path, options(stand_in.url), rows(4))
    stand_in.key = "another"

    with pytest.raises(TeacherError, match="does not take the key"):
        run(tmp_path, options(stand_in.url), rows(8))

    assert len(list(kept_replies(tmp_path / "replies"))) == 12
    assert list(files(tmp_path / "plans")) == ["00000.jsonl"]  # the first run's, still whole


def test_a_request_that_is_turned_away_is_listed_with_its_row(
    standing_in: Standing, tmp_path: Path
) -> None:
    stand_in = standing_in(faults={"turned-away": 0.5})
    given = options(stand_in.url, attempts=1, guidance=False, concurrency=1)

    first = run(tmp_path, given, rows(12))
    names = [name_of(body) for body in stand_in.bodies]
    unsure = names[: next(at for at, name in enumerate(names) if name in stand_in.answered)]
    again = run(tmp_path, given, rows(12))

    assert [len(each.plans) for each in first].count(2) < 12
    without = [each for each in first if not each.plans]
    assert without
    for each in without:
        (refusal,) = each.refusals
        assert refusal.reason == "no plan"
        assert "turned away (This endpoint's maximum context length is 2)" in refusal.detail
    assert again == first
    # Before the first good reply it might be the endpoint's fault, and not the request's.
    assert [name_of(body) for body in stand_in.bodies[len(names) :]] == unsure


def test_requests_that_are_never_answered_stop_the_run_and_are_asked_again(
    standing_in: Standing, tmp_path: Path
) -> None:
    stand_in = standing_in(script=[""] * 5 + ["500"] * 6)
    given = options(stand_in.url, retries=1, concurrency=1, timeout=5.0)
    undisturbed = run(tmp_path / "a", options(standing_in().url), rows(6))

    with pytest.raises(TeacherError, match=r"did not answer for [1-3] rows"):
        run(tmp_path / "b", given, rows(6))
    assert files(tmp_path / "b" / "plans") == {}

    assert run(tmp_path / "b", given, rows(6)) == undisturbed
    assert files(tmp_path / "b" / "plans") == files(tmp_path / "a" / "plans")


def test_rows_without_an_answer_are_listed_where_the_recipe_says_so(
    standing_in: Standing, tmp_path: Path
) -> None:
    stand_in = standing_in(script=[""] + ["500"] * 4)
    given = options(
        stand_in.url, retries=1, concurrency=1, plans=1, guidance=False, unanswered="list"
    )

    found = run(tmp_path, given, rows(5))

    reasons = [[refusal.reason for refusal in each.refusals] for each in found]
    assert sorted(reasons) == [[], [], [], ["no answer"], ["no answer"]]
    assert all(each.plans or each.refusals for each in found)


def test_an_endpoint_that_goes_away_stops_the_run(standing_in: Standing, tmp_path: Path) -> None:
    stand_in = standing_in(script=[""] * 5 + ["503"] * 10_000)

    with pytest.raises(TeacherError, match="does not answer any more"):
        run(tmp_path, options(stand_in.url, retries=1, concurrency=4), rows(200))

    assert len(list(kept_replies(tmp_path / "replies"))) == 5
    assert sum(stand_in.received.values()) < 60


def test_a_server_of_her_own_is_not_reached_through_a_proxy(
    standing_in: Standing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, unused_address().removesuffix("/v1"))

    assert len(run(tmp_path, options(standing_in().url), rows(1))) == 1


def test_what_the_recipe_adds_is_sent(standing_in: Standing, tmp_path: Path) -> None:
    stand_in = standing_in()
    extra = {"provider": {"order": ["DeepSeek"]}, "top_p": 0.9}

    run(tmp_path, options(stand_in.url, extra=extra, max_tokens=77), rows(1))

    for body in stand_in.bodies:
        assert body["provider"] == extra["provider"]
        assert (body["top_p"], body["max_tokens"], body["temperature"]) == (0.9, 77, 0.8)


def test_no_key_is_written_down(standing_in: Standing, tmp_path: Path) -> None:
    from storytui_train.data.teacher.running import config_of

    given = options(standing_in().url)
    run(tmp_path, given, rows(1))

    assert config_of(given, tmp_path).api_key is None
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or b"sk-stand-in" not in path.read_bytes()


def test_vllm_is_left_to_datatrove(tmp_path: Path) -> None:
    from datatrove.pipeline.inference.servers import VLLMServer

    from storytui_train.data.teacher.reasoning import reason_block

    given = options("http://127.0.0.1/v1", kind="vllm", model="some/model")
    block = reason_block(given, tmp_path, 1)

    assert block.config.server_type == "vllm"
    assert block.config.model_name_or_path == "some/model"
    assert block.config.endpoint_url is None
    if find_spec("vllm") is not None:
        assert isinstance(block._init_server(0), VLLMServer)
    else:
        with pytest.raises(TeacherError, match=r"cannot be started.*vllm"):
            run(tmp_path, given, rows(1))


def test_options_survive_a_recipe(tmp_path: Path) -> None:
    from storytui_train.recipe import load

    path = tmp_path / "recipe.toml"
    path.write_text(
        'name = "x"\n[teacher]\nretries = 3\nunanswered = "list"\nmax_tokens = 900\n'
        '[teacher.extra.provider]\norder = ["DeepSeek"]\n'
    )

    teacher = load(path).teacher

    assert (teacher.retries, teacher.unanswered, teacher.max_tokens) == (3, "list", 900)
    assert msgspec.to_builtins(teacher)["extra"] == {"provider": {"order": ["DeepSeek"]}}
