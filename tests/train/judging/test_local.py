"""The local engine as a teacher: what it is asked, what it answers, behind datatrove's runner."""

import asyncio
import json
import pickle
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from datatrove.data import Document
from datatrove.pipeline.inference.run_inference import InferenceConfig, InferenceRunner
from datatrove.pipeline.inference.types import InferenceError, ServerError
from datatrove.pipeline.writers import JsonlWriter

from storytui.engine.api import (
    EngineDiedError,
    EngineError,
    ModelError,
    PromptTooLongError,
    Retracted,
)
from storytui.engine.process import ProcessEngine
from storytui.engine.scripted import Fail, Script, ScriptedEngine, segment
from storytui.story.words import count_words
from storytui_train.data.teacher.engines import model_file, open_engine
from storytui_train.data.teacher.local import LocalServer, LocalTeachers, local_reply
from storytui_train.errors import TeacherError

MESSAGES = [
    {"role": "system", "content": "You help a novelist."},
    {"role": "user", "content": "The lamp went out. What comes next?"},
]
PLAN = "She will look for the oil, and he will not help."
CONFIG = InferenceConfig(server_type="custom", model_name_or_path="built-in")


def engine_with(*scripts: Script) -> ScriptedEngine:
    return ScriptedEngine(scripts or [segment("reasoning", PLAN)])


def test_the_messages_are_asked_as_one_with_a_plan_of_one_segment() -> None:
    engine = engine_with()
    local_reply(
        engine,
        {
            "messages": MESSAGES,
            "max_tokens": 200,
            "temperature": 0.3,
            "seed": 7,
            "storytui": {"words": 60, "min_words": 40},
        },
    )
    (asked,) = engine.requests
    assert asked.message == "You help a novelist.\n\nThe lamp went out. What comes next?"
    (plan,) = asked.segments
    assert (plan.name, plan.opening, plan.closing) == ("reasoning", "<reasoning>", "</reasoning>")
    assert (plan.words, plan.minimum_words, plan.tokens, plan.prefix) == (60, 40, 200, "")
    assert (asked.sampling.temperature, asked.sampling.seed) == (0.3, 7)


def test_what_is_not_said_has_defaults_and_the_assistants_message_begins_the_reply() -> None:
    engine = engine_with()
    begun = [*MESSAGES, {"role": "assistant", "content": "At this moment"}]
    local_reply(engine, {"messages": begun, "max_completion_tokens": 99})
    (plan,) = engine.requests[0].segments
    assert (plan.words, plan.tokens, plan.prefix) == (None, 99, "At this moment")


def test_a_reply_has_the_shape_of_the_api_and_its_costs() -> None:
    reply = local_reply(engine_with(), {"messages": MESSAGES, "model": "built-in"})
    assert reply["choices"][0]["message"] == {"role": "assistant", "content": PLAN}
    assert reply["choices"][0]["finish_reason"] == "stop"
    assert reply["model"] == "built-in"
    assert reply["usage"]["prompt_tokens"] == 100
    assert reply["usage"]["completion_tokens"] > 0
    assert reply["usage"]["total_tokens"] == 100 + reply["usage"]["completion_tokens"]
    json.dumps(reply)


@pytest.mark.parametrize(
    ("why", "finish"), [("closed", "stop"), ("length", "stop"), ("cut", "length")]
)
def test_only_a_reply_that_ends_within_a_sentence_is_cut(why: str, finish: str) -> None:
    reply = local_reply(engine_with(segment("reasoning", PLAN, why=why)), {"messages": MESSAGES})
    assert reply["choices"][0]["finish_reason"] == finish


def test_what_was_taken_back_is_not_in_the_reply() -> None:
    started, *texts, ended = segment("reasoning", PLAN)
    engine = engine_with((started, *texts, Retracted("reasoning", 8), ended))
    reply = local_reply(engine, {"messages": MESSAGES})
    assert reply["choices"][0]["message"]["content"] == PLAN[:8]


def test_a_reply_that_was_stopped_is_none() -> None:
    engine = engine_with(segment("reasoning", PLAN, why="stopped"))
    with pytest.raises(EngineError, match="stopped"):
        local_reply(engine, {"messages": MESSAGES})


@pytest.mark.parametrize(
    "messages", [None, [], [{"role": "user", "content": " "}], [{"role": "user"}], ["text"]]
)
def test_a_request_without_text_is_said(messages: Any) -> None:
    with pytest.raises(TeacherError, match="no message with text"):
        local_reply(engine_with(), {"messages": messages})


# --- behind datatrove's runner ------------------------------------------------------------------


class Runner(InferenceRunner):
    """datatrove's, with our server."""

    def __init__(self, engine: ScriptedEngine, **more: Any) -> None:
        super().__init__(config=CONFIG, **more)
        self.engine = engine

    def _init_server(self, rank: int) -> LocalServer:
        return LocalServer(self.config, rank, self.engine)


async def ask_twice(document: Document, generate: Any) -> list[str]:
    replies = await asyncio.gather(
        *(generate({"messages": [{"role": "user", "content": document.text + n}]}) for n in "12")
    )
    return [each.text for each in replies]


def test_datatrove_asks_it_and_closes_it(tmp_path: Path) -> None:
    engine = engine_with()
    writer = JsonlWriter(str(tmp_path), output_filename="${rank}.jsonl", compression=None)
    runner = Runner(engine, rollout_fn=ask_twice, output_writer=writer)
    runner.run([Document(text=f"story {n} ", id=str(n)) for n in range(3)])
    lines = [json.loads(line) for line in (tmp_path / "00000.jsonl").read_text().splitlines()]
    assert sorted(line["id"] for line in lines) == ["0", "1", "2"]
    assert all(line["metadata"]["rollout_results"] == [[PLAN, PLAN]] for line in lines)
    assert sorted(each.message for each in engine.requests) == [
        f"story {n} {m}" for n in range(3) for m in "12"
    ]
    assert engine.closed


def answer(engine: ScriptedEngine) -> dict[str, Any]:
    async def asked() -> dict[str, Any]:
        async with LocalServer(CONFIG, 0, engine) as server:
            return await server.make_request({"messages": MESSAGES})

    return asyncio.run(asked())


def test_a_prompt_that_is_too_long_is_a_bad_request() -> None:
    engine = engine_with((Fail(PromptTooLongError("the prompt has 9,000 tokens")),))
    with pytest.raises(InferenceError, match="BadRequestError: the prompt has 9,000 tokens"):
        answer(engine)


def test_a_model_that_cannot_be_loaded_ends_the_run_and_says_why() -> None:
    engine = engine_with((Fail(ModelError("the file is broken")),))
    with pytest.raises(ServerError) as raised:
        answer(engine)
    assert isinstance(raised.value.error, TeacherError)
    assert "the file is broken" in str(raised.value.error)


def test_a_reply_whose_process_died_is_asked_for_once_more() -> None:
    died: Script = (Fail(EngineDiedError("The model's process ended.")),)
    reply = answer(engine_with(died, segment("reasoning", PLAN)))
    assert reply["choices"][0]["message"]["content"] == PLAN
    with pytest.raises(ServerError, match="process ended"):
        answer(engine_with(died, died))


def test_what_makes_the_servers_can_be_sent_to_another_process(tmp_path: Path) -> None:
    teachers = LocalTeachers("built-in", context=512, log=tmp_path / "log")
    again = pickle.loads(pickle.dumps(teachers))
    assert again == teachers

    async def made() -> LocalServer:
        return again(CONFIG, 0)

    assert isinstance(asyncio.run(made()), LocalServer)


def test_a_model_that_is_not_there_is_said() -> None:
    with pytest.raises(TeacherError, match="no model"):
        LocalTeachers("no-such-model")(CONFIG, 0)


# --- the real small model -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def engine() -> Iterator[ProcessEngine]:
    engine = open_engine(model_file(""), context=1024)
    yield engine
    engine.close()


def test_a_real_model_writes_a_plan_of_the_length_asked_for(engine: ProcessEngine) -> None:
    payload = {
        "messages": MESSAGES,
        "max_tokens": 120,
        "seed": 3,
        "storytui": {"words": 30, "min_words": 20},
    }
    reply = local_reply(engine, payload)
    text = reply["choices"][0]["message"]["content"]
    assert 20 <= count_words(text) <= 60
    assert "<" not in text
    assert reply["usage"]["completion_tokens"] >= 20


def texts(replies: Sequence[dict[str, Any]]) -> list[str]:
    return [each["choices"][0]["message"]["content"] for each in replies]


def test_requests_that_begin_alike_read_what_they_share_once(engine: ProcessEngine) -> None:
    story = "The lamp had been out for eleven minutes before anyone noticed. " * 12
    replies = [
        local_reply(
            engine,
            {
                "messages": [{"role": "user", "content": story + task}],
                "storytui": {"words": 12, "min_words": 8},
                "seed": seed,
            },
        )
        for seed, task in enumerate(["Think of the people.", "Think of the place."])
    ]
    shared = engine.count([story])[0]
    assert replies[1]["usage"]["prompt_tokens_details"]["cached_tokens"] >= shared - 2
    assert len(set(texts(replies))) == 2
