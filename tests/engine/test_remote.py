"""A remote engine against stand-ins for each kind of server: replies, refusals, breaks, consent."""

import gc
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import remote_streams as streams
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs
from remote_streams import ANSWER, KINDS, REASONING, TAGGED, chunk, event
from standin_server import Answer, StandIn, as_json, models, stand_in

from storytui.engine.answers import ReplyCheck
from storytui.engine.api import (
    EngineDiedError,
    EngineError,
    Event,
    Finished,
    PromptTooLongError,
    Reading,
    Request,
    Retracted,
    Sampling,
    SegmentEnded,
    SegmentPlan,
    Text,
)
from storytui.engine.model_info import Adapter
from storytui.engine.remote import (
    ConsentNeededError,
    RemoteConfig,
    RemoteEngine,
    ReplyBrokeOffError,
    TimeOuts,
)
from storytui.engine.remote.counting import estimate
from storytui.engine.remote.key import Key
from storytui.engine.scores import Passage

PLANS = (
    SegmentPlan(name="reasoning", opening="<reasoning>", closing="</reasoning>", tokens=200),
    SegmentPlan(name="answer", opening="<answer>", closing="</answer>", words=40, tokens=300),
)
REQUEST = Request(message="The lamp went out.", segments=PLANS, sampling=Sampling(seed=7))
AT_ONCE = (0.0, 0.0, 0.0)


def engine_for(server: StandIn, key: Key | None = None, **more: Any) -> RemoteEngine:
    config: dict[str, Any] = {"retries": AT_ONCE, "model": "tale-7b", **more}
    return RemoteEngine(RemoteConfig(server.url, **config), key=key)


class Heard:
    """What a reply's events amount to; each must be one that the local engine could give."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.texts: dict[str, str] = {}
        self.ends: dict[str, str] = {}
        self.finished: Finished | None = None
        self.problem: EngineError | None = None

    def hear(self, events: Iterator[Event], request: Request = REQUEST) -> "Heard":
        check = ReplyCheck(request)
        try:
            for each in events:
                assert check.takes(each), each
                self.take(each)
        except EngineError as error:
            self.problem = error
        assert (self.finished is None) == (self.problem is not None)
        return self

    def take(self, event: Event) -> None:
        self.events.append(event)
        if isinstance(event, Text):
            self.texts[event.segment] = self.texts.get(event.segment, "") + event.text
        elif isinstance(event, Retracted):
            self.texts[event.segment] = self.texts[event.segment][: event.kept]
        elif isinstance(event, SegmentEnded):
            self.ends[event.segment] = event.why
        elif isinstance(event, Finished):
            self.finished = event


def reply(engine: RemoteEngine, request: Request = REQUEST) -> Heard:
    return Heard().hear(engine.generate(request), request)


WHOLE = {"reasoning": REASONING, "answer": ANSWER}


# --- every kind of server -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_server_gives_reasoning_and_answer(kind: str) -> None:
    with stand_in(chat=Answer([KINDS[kind]])) as server:
        heard = reply(engine_for(server))

    assert heard.texts == WHOLE
    assert heard.ends == {"reasoning": "closed", "answer": "closed"}
    assert heard.finished is not None
    assert heard.finished.stop == "closed"


@pytest.mark.parametrize("kind", KINDS)
@given(places=st.lists(st.integers(0, 6000), max_size=12), chunked=st.booleans())
@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_split_on_the_way_gives_the_same_reply(
    kind: str, places: list[int], chunked: bool
) -> None:
    with stand_in(chat=Answer(streams.cut(KINDS[kind], places), chunked=chunked)) as server:
        assert reply(engine_for(server)).texts == WHOLE


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("drops", [True, False])
def test_a_stream_that_ends_early_keeps_what_came_and_is_no_whole_reply(
    kind: str, drops: bool
) -> None:
    stream = KINDS[kind]
    finish = stream.index(b'"finish_reason": "stop"')
    for end in range(0, finish, 97):
        with stand_in(chat=Answer([stream[:end]], drops=drops)) as server:
            heard = reply(engine_for(server))

        assert isinstance(heard.problem, ReplyBrokeOffError)
        assert len(server.replies()) == 1, "it was asked again"
        for name, text in heard.texts.items():
            assert WHOLE[name].startswith(text.rstrip())


def test_what_came_before_a_break_is_given_out_to_the_last_word() -> None:
    stream = event(chunk({"content": "<reasoning>She fears.</reasoning><answer>The lamp "}))
    with stand_in(chat=Answer([stream], drops=True)) as server:
        heard = reply(engine_for(server))

    assert heard.texts["reasoning"] == "She fears."
    assert heard.texts["answer"].rstrip() == "The lamp"
    assert "kept" in str(heard.problem)


@pytest.mark.parametrize("error", [{"error": {"message": "Overloaded", "code": 502}}])
def test_an_error_in_mid_stream_says_the_servers_words_and_is_not_tried_again(error: Any) -> None:
    stream = event(chunk({"content": "<reasoning>She "})) + event(error)
    with stand_in(chat=Answer([stream])) as server:
        heard = reply(engine_for(server))

    assert "Overloaded" in str(heard.problem)
    assert isinstance(heard.problem, ReplyBrokeOffError)
    assert heard.texts["reasoning"].strip() == "She"
    assert len(server.replies()) == 1


def test_a_reply_without_an_answer_says_so() -> None:
    stream = streams.openai("").replace(b'"stop"', b'"length"')
    with stand_in(chat=Answer([stream])) as server:
        assert "before the answer began" in str(reply(engine_for(server)).problem)


def test_nothing_that_follows_a_complete_reply_can_spoil_it() -> None:
    stream = streams.lm_studio() + b"data: {"
    with stand_in(chat=Answer([stream], drops=True)) as server:
        assert reply(engine_for(server)).texts == WHOLE


def test_a_page_in_place_of_a_stream_is_said() -> None:
    with stand_in(chat=Answer([b"data: <html>\n\n"])) as server:
        assert "check its address" in str(reply(engine_for(server)).problem)


def test_a_long_answer_is_ended_and_the_connection_with_it() -> None:
    goes_on = threading.Event()
    text = "<reasoning>Hm.</reasoning><answer>" + "The lamp went out and nobody moved. " * 20
    stream = b"".join(event(chunk({"content": each})) for each in streams.tokens(text))
    with stand_in(chat=Answer([stream, goes_on])) as server:
        heard = reply(engine_for(server))
        assert server.left.wait(10)
        goes_on.set()

    assert heard.ends["answer"] == "length"
    assert 36 <= len(heard.texts["answer"].split()) <= 62


# --- what is sent ---------------------------------------------------------------------------------


def test_a_chat_is_one_message_and_for_untaught_models_the_replys_form() -> None:
    with stand_in(chat=Answer([streams.openai()])) as server:
        reply(engine_for(server))
        reply(engine_for(server), structs.replace(REQUEST, trained=True))
        untaught, taught = (each.body["messages"] for each in server.replies())

    assert [each["role"] for each in untaught] == ["system", "user"]
    assert "<reasoning>…</reasoning><answer>…</answer>" in untaught[0]["content"]
    assert taught == [{"role": "user", "content": REQUEST.message}]


def test_a_completion_is_asked_for_segment_by_segment_with_our_tags() -> None:
    answers = [Answer([streams.completion(REASONING)]), Answer([streams.completion(ANSWER)])]
    with stand_in(completions=answers) as server:
        heard = reply(engine_for(server, mode="completion"))
        first, second = (each.body["prompt"] for each in server.replies())

    assert heard.texts == WHOLE
    assert first == f"{REQUEST.message}\n\n<reasoning>"
    assert second == f"{first}{REASONING}</reasoning><answer>"


def test_a_model_that_writes_the_tags_itself_is_asked_once() -> None:
    text = f"{REASONING}</reasoning><answer>{ANSWER}</answer>"
    with stand_in(completions=Answer([streams.completion(text)])) as server:
        heard = reply(engine_for(server, mode="completion"))

        assert len(server.replies()) == 1
    assert heard.texts == WHOLE


def test_a_lead_has_the_answer_asked_for_by_itself() -> None:
    plans = (
        PLANS[0],
        SegmentPlan(name="answer", opening="<answer>", closing="</answer>", lead="The lamp"),
    )
    request = Request(message="M", segments=plans, sampling=Sampling())
    answers = [Answer([streams.completion("Hm.")]), Answer([streams.completion(" went out.")])]
    with stand_in(completions=answers) as server:
        heard = reply(engine_for(server, mode="completion"), request)
        first, second = (each.body for each in server.replies())

    assert first["stop"] == ["</reasoning>"]
    assert second["prompt"].endswith("Hm.</reasoning><answer>The lamp")
    assert heard.texts["answer"] == " went out."


def test_a_reasoning_that_is_too_long_is_ended_and_the_answer_asked_for_once() -> None:
    short = SegmentPlan(name="reasoning", opening="<reasoning>", closing="</reasoning>", tokens=40)
    lead = SegmentPlan(name="answer", opening="<answer>", closing="</answer>", lead="Then")
    request = Request(message="M", segments=(short, lead), sampling=Sampling())
    props = as_json({"default_generation_settings": {"n_ctx": 8192}})
    long = "She waits for him. " * 30
    answers = [Answer([streams.llama_server(long)]), Answer([streams.llama_server(" he came.")])]
    with stand_in(chat=answers, props=props) as server:
        heard = reply(engine_for(server), request)
        first, _ = (each.body for each in server.replies())

    assert first["max_tokens"] < 100
    assert heard.ends == {"reasoning": "length", "answer": "closed"}
    assert len(heard.texts["reasoning"]) < len(long)
    assert heard.texts["answer"] == " he came."


def test_a_llama_server_goes_on_from_our_tags_in_a_chat() -> None:
    props = as_json({"default_generation_settings": {"n_ctx": 8192}})
    answers = [Answer([streams.llama_server(REASONING)]), Answer([streams.llama_server(ANSWER)])]
    with stand_in(chat=answers, props=props) as server:
        engine = engine_for(server)
        heard = reply(engine)
        first, second = (each.body for each in server.replies())

    assert engine.load().context == 8192
    assert heard.texts == WHOLE
    assert Reading(32, 40) in heard.events
    assert first["messages"][-1] == {"role": "assistant", "content": "<reasoning>"}
    assert second["messages"][-1]["content"] == f"<reasoning>{REASONING}</reasoning><answer>"
    assert first["dry_multiplier"] == 0.8
    assert heard.finished is not None
    assert heard.finished.statistics.reused_tokens == 32
    assert heard.finished.statistics.generated_tokens == 42


def test_vllm_is_told_to_go_on_from_our_tags() -> None:
    vllm = models("tale-7b", owned_by="vllm", max_model_len=16384)
    with stand_in(models=vllm, chat=Answer([streams.openai(TAGGED[11:])])) as server:
        engine = engine_for(server)
        heard = reply(engine)
        (asked,) = server.replies()

    assert engine.load().context == 16384
    assert heard.texts == WHOLE
    assert asked.body["continue_final_message"] is True
    assert asked.body["add_generation_prompt"] is False


@pytest.mark.parametrize(
    ("words", "changed"),
    [
        ("Unrecognized request argument supplied: min_p", "min_p"),
        ("Use 'max_completion_tokens' instead.", "max_tokens"),
    ],
)
def test_what_a_strict_server_does_not_know_is_left_out(words: str, changed: str) -> None:
    refusal = as_json({"error": {"message": words}}, 400)
    with stand_in(chat=[refusal, Answer([streams.openai()])]) as server:
        engine = engine_for(server)
        assert reply(engine).texts == WHOLE
        assert reply(engine).texts == WHOLE
        first, second, third = (each.body for each in server.replies())

    assert changed in first
    assert changed not in second
    assert changed not in third


def test_a_server_that_takes_no_beginning_of_a_reply_has_the_model_write_it() -> None:
    props = as_json({"default_generation_settings": {"n_ctx": 8192}})
    words = "Assistant response prefill is incompatible with enable_thinking."
    refusal = as_json({"error": {"message": words}}, 400)
    with stand_in(chat=[refusal, Answer([streams.llama_server()])], props=props) as server:
        assert reply(engine_for(server)).texts == WHOLE
        assert server.replies()[1].body["messages"][-1]["role"] == "user"


def test_half_a_character_in_the_story_is_sent_as_a_sign_for_it() -> None:
    request = Request(message="a\ud83d", segments=PLANS, sampling=Sampling())
    with stand_in(chat=Answer([streams.openai()])) as server:
        assert reply(engine_for(server), request).texts == WHOLE


# --- refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "words", "tries"),
    [
        (400, "does not take", 1),
        (401, "wants a key", 1),
        (403, "wants a key", 1),
        (404, "knows no model 'tale-7b'", 1),
        (429, "too many requests", 4),
        (500, "fault of its own", 4),
        (503, "fault of its own", 4),
    ],
)
def test_a_refusal_names_server_status_and_what_to_do(status: int, words: str, tries: int) -> None:
    said = as_json({"error": {"message": "Because \x1b[31mI say so."}}, status)
    with stand_in(chat=said) as server:
        problem = str(reply(engine_for(server)).problem)

    assert words in problem
    assert f"127.0.0.1:{server.port}" in problem
    assert f"({status})" in problem
    assert "I say so." in problem
    assert "\x1b" not in problem
    assert len(server.replies()) == tries


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_what_passes_is_tried_again(status: int) -> None:
    busy = as_json({"error": "busy"}, status, Retry_After="0")
    with stand_in(chat=[busy, busy, Answer([streams.openai()])]) as server:
        assert reply(engine_for(server)).texts == WHOLE
        assert len(server.replies()) == 3


def test_a_server_that_asks_for_an_hour_is_not_waited_for() -> None:
    busy = as_json({"error": "busy"}, 429, Retry_After="3600")
    with stand_in(chat=busy) as server:
        assert "in 3600 seconds" in str(reply(engine_for(server)).problem)
        assert len(server.replies()) == 1


def test_a_story_too_long_for_the_server_is_an_error_of_its_own() -> None:
    said = as_json({"error": {"message": "exceeds the available context size"}}, 400)
    with stand_in(chat=said) as server:
        assert isinstance(reply(engine_for(server)).problem, PromptTooLongError)


def test_a_server_that_is_not_there_is_said() -> None:
    with stand_in() as server:
        pass
    engine = engine_for(server)

    with pytest.raises(EngineError, match="does not answer; start it"):
        engine.load()


def test_loading_says_nothing_and_load_says_what_was_wrong() -> None:
    with stand_in(models=as_json({}, 401)) as server:
        engine = engine_for(server)
        assert list(engine.loading()) == []
        with pytest.raises(EngineError, match="wants a key"):
            engine.load()
        assert len(server.asked) == 1


def test_the_first_byte_is_waited_for_only_so_long_and_not_asked_for_again() -> None:
    silent = threading.Event()
    with stand_in(chat=Answer(silent=silent)) as server:
        engine = engine_for(server, time_outs=TimeOuts(first=0.05))
        problem = str(reply(engine).problem)
        assert server.left.wait(10), "the connection stayed open"
        silent.set()
        assert len(server.replies()) == 1

    assert "has not answered for 0.05 seconds" in problem


def test_between_two_pieces_it_is_waited_only_so_long() -> None:
    goes_on = threading.Event()
    first = event(chunk({"content": "<reasoning>She "}))
    with stand_in(chat=Answer([first, goes_on])) as server:
        engine = engine_for(server, time_outs=TimeOuts(between=0.05))
        heard = reply(engine)
        assert server.left.wait(10)
        goes_on.set()

    assert "nothing for 0.05 seconds" in str(heard.problem)
    assert heard.texts == {"reasoning": "She"}


def test_a_slow_first_byte_is_waited_for() -> None:
    silent = threading.Event()
    with stand_in(chat=Answer([streams.openai()], silent=silent)) as server:
        events = engine_for(server).generate(REQUEST)
        assert isinstance(next(events), Reading)
        silent.set()
        heard = Heard().hear(events)

    assert heard.texts == WHOLE


# --- stopping -------------------------------------------------------------------------------------


def test_stopping_closes_the_connection_and_keeps_what_came() -> None:
    goes_on = threading.Event()
    first = event(chunk({"content": "<reasoning>She waits. Then"}))
    with stand_in(chat=Answer([first, goes_on])) as server:
        engine = engine_for(server)
        heard = Heard()

        def events() -> Iterator[Event]:
            for each in engine.generate(REQUEST):
                yield each
                if isinstance(each, Text):
                    engine.stop()

        heard.hear(events())
        assert server.left.wait(10)
        goes_on.set()

    assert heard.texts == {"reasoning": "She waits. Then"}
    assert heard.ends == {"reasoning": "stopped"}
    assert heard.finished is not None
    assert heard.finished.stop == "stopped"


def test_stopping_while_the_server_thinks_closes_the_connection() -> None:
    silent = threading.Event()
    with stand_in(chat=Answer(silent=silent)) as server:
        engine = engine_for(server)
        events = engine.generate(REQUEST)
        next(events)
        stopper = threading.Timer(0, engine.stop)
        stopper.start()
        heard = Heard().hear(events)
        stopper.join()
        silent.set()

    assert heard.texts == {}
    assert heard.finished is not None
    assert heard.finished.stop == "stopped"


def test_stopping_ends_the_wait_for_another_try() -> None:
    busy = as_json({"error": "busy"}, 503)
    with stand_in(chat=busy) as server:
        engine = engine_for(server, retries=(3600.0,))
        events = engine.generate(REQUEST)
        next(events)
        threading.Timer(0, engine.stop).start()
        heard = Heard().hear(events)

    assert heard.finished is not None
    assert heard.finished.stop == "stopped"


def test_a_stop_ends_no_later_reply() -> None:
    with stand_in(chat=Answer([streams.openai()])) as server:
        engine = engine_for(server)
        engine.stop()
        assert reply(engine).texts == WHOLE


def test_leaving_the_events_closes_the_connection() -> None:
    goes_on = threading.Event()
    with stand_in(chat=Answer([event(chunk({"content": "<answer>A"})), goes_on])) as server:
        events = engine_for(server).generate(REQUEST)
        for each in events:
            if isinstance(each, Text):
                break
        del events
        gc.collect()
        assert server.left.wait(10)
        goes_on.set()


def test_closing_the_engine_ends_everything() -> None:
    silent = threading.Event()
    with stand_in(chat=Answer(silent=silent)) as server:
        engine = engine_for(server)
        events = engine.generate(REQUEST)
        next(events)
        engine.close()
        Heard().hear(events)
        silent.set()
        with pytest.raises(EngineDiedError):
            next(engine.generate(REQUEST))


def test_several_replies_come_in_turn() -> None:
    with stand_in(chat=Answer([streams.openai()])) as server:
        engine = engine_for(server)
        requests = [REQUEST, Request(message="M", segments=PLANS, sampling=Sampling(seed=8))]
        heard = [Heard(), Heard()]
        for number, each in engine.candidates(requests):
            heard[number].take(each)
        seeds = [each.body["seed"] for each in server.replies()]

    assert [each.texts for each in heard] == [WHOLE, WHOLE]
    assert seeds == [7, 8]


def test_a_stop_ends_all_replies_each_with_its_finish() -> None:
    with stand_in(chat=Answer([streams.openai()])) as server:
        engine = engine_for(server)
        stops = []
        for _, each in engine.candidates([REQUEST, REQUEST, REQUEST]):
            if isinstance(each, Text):
                engine.stop()
            if isinstance(each, Finished):
                stops.append(each.stop)
        assert len(server.replies()) == 1

    assert stops == ["stopped"] * 3


# --- redirects, the key, consent ------------------------------------------------------------------


def test_a_redirect_on_the_same_server_is_followed() -> None:
    moved = Answer(status=307, headers={"Location": "/elsewhere"})
    with stand_in(chat=moved, elsewhere=Answer([streams.openai()])) as server:
        assert reply(engine_for(server, Key("sk-1"))).texts == WHOLE
        assert server.asked[-1].path == "/elsewhere"
        assert server.asked[-1].headers["authorization"] == "Bearer sk-1"


def test_neither_key_nor_story_follow_a_redirect_to_another_server() -> None:
    with stand_in() as other:
        moved = Answer(status=308, headers={"Location": f"{other.url}/chat/completions"})
        with stand_in(chat=moved) as server:
            problem = str(reply(engine_for(server, Key("sk-1"))).problem)

    assert other.connections == 0
    assert "put the right address into the settings" in problem
    assert str(other.port) in problem


def test_a_redirect_in_a_circle_ends() -> None:
    moved = Answer(status=302, headers={"Location": "/v1/chat/completions"})
    with stand_in(chat=moved) as server:
        assert reply(engine_for(server)).problem is not None
        assert len(server.replies()) == 4


KEY = "sk-or-v1-0123456789abcdef"


@pytest.mark.parametrize("status", [400, 401, 500, 302])
def test_the_key_is_in_no_message_and_no_traceback(status: int) -> None:
    said = as_json({"error": {"message": f"bad key {KEY}"}}, status, Location=f"http://x/{KEY}")
    with stand_in(chat=said) as server:
        engine = engine_for(server, Key(KEY))
        heard = reply(engine)

    assert heard.problem is not None
    assert KEY not in "".join(traceback.format_exception(heard.problem))
    assert KEY not in repr(Key(KEY)) + repr(engine) + repr(vars(engine))


def test_the_key_comes_from_the_variable_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FICTION_KEY", f" {KEY}\n")
    with stand_in(chat=Answer([streams.openai()])) as server:
        reply(engine_for(server, key_variable="FICTION_KEY"))

        assert {each.headers["authorization"] for each in server.asked} == {f"Bearer {KEY}"}


@pytest.mark.parametrize("value", [None, "", "two words", "b\u00e4d", "a\nb"])
def test_a_key_that_is_none_is_said_and_not_shown(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if value is not None:
        monkeypatch.setenv("FICTION_KEY", value)
    with stand_in() as server:
        with pytest.raises(EngineError, match="FICTION_KEY") as caught:
            engine_for(server, key_variable="FICTION_KEY").load()
        assert not value or value not in str(caught.value)
        assert server.connections == 0


def test_the_key_may_come_from_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    keyring = _Keyring()
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    with stand_in() as server:
        engine_for(server, keyring=True).load()

        assert server.asked[0].headers["authorization"] == "Bearer sk-ring"
    assert keyring.asked == [("storytui", "127.0.0.1")]


def test_a_keyring_that_fails_in_its_own_way_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Broken:
        def get_password(self, service: str, name: str) -> str:
            raise LookupError("no bus for sk-ring")

    monkeypatch.setitem(sys.modules, "keyring", Broken())
    with stand_in() as server:
        with pytest.raises(EngineError, match="keyring cannot be read") as caught:
            engine_for(server, keyring=True).load()
        assert server.connections == 0
    assert "sk-ring" not in str(caught.value)


class _Keyring:
    """A stand-in for the package keyring."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def get_password(self, service: str, name: str) -> str:
        self.asked.append((service, name))
        return "sk-ring"


def test_without_consent_nothing_is_sent_to_a_server_not_her_own() -> None:
    engine = RemoteEngine(RemoteConfig("https://fiction.example.com/v1", key_variable="UNSET"))

    for ask in (
        engine.load,
        lambda: engine.count(["The lamp."]),
        lambda: list(engine.generate(REQUEST)),
    ):
        with pytest.raises(ConsentNeededError, match=r"fiction\.example\.com"):
            ask()


def test_a_name_of_her_own_that_leads_elsewhere_needs_consent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def far_away(*_: object, **__: object) -> Sequence[object]:
        return [(2, 1, 6, "", ("203.0.113.9", 80))]

    monkeypatch.setattr("socket.getaddrinfo", far_away)

    with pytest.raises(ConsentNeededError, match="nas"):
        RemoteEngine(RemoteConfig("http://nas/v1")).load()
    # Nor is a key that everybody could read, once she agreed.
    allowed = RemoteEngine(RemoteConfig("http://nas/v1"), consented=lambda: True, key=Key("sk-1"))
    with pytest.raises(EngineError, match="https"):
        allowed.load()


def test_a_key_is_not_sent_unprotected_to_a_server_elsewhere() -> None:
    config = RemoteConfig("http://fiction.example.com/v1")

    with pytest.raises(EngineError, match="https"):
        RemoteEngine(config, consented=lambda: True, key=Key("sk-1")).load()


# --- what a server says of itself -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "context"),
    [
        ({"models": models("tale-7b", context_length=32768)}, 32768),
        ({"models": models("tale-7b", max_model_len=16384, owned_by="vllm")}, 16384),
        ({"models": models("tale-7b", meta={"n_ctx": 2048}, owned_by="llamacpp")}, 2048),
        ({"props": as_json({"default_generation_settings": {"n_ctx": 1024}})}, 1024),
        ({"lmstudio": as_json({"data": [{"id": "tale-7b", "loaded_context_length": 6000}]})}, 6000),
        ({"ps": as_json({"models": [{"name": "tale-7b:latest", "context_length": 5000}]})}, 5000),
        ({"models": as_json({}, 404)}, 4096),
        ({"models": as_json([3])}, 4096),
    ],
)
def test_the_context_is_what_the_server_says(answers: dict[str, Answer], context: int) -> None:
    with stand_in(**answers) as server:
        info = engine_for(server).load()

        assert info.context == context
        assert info.name == "tale-7b"
        assert engine_for(server, context=999, thinking_tokens=99).load().context == 900


def test_a_choice_of_models_is_hers() -> None:
    several = models("a", "b\x1b[0m")
    with (
        stand_in(models=several) as server,
        pytest.raises(EngineError, match="several models") as caught,
    ):
        engine_for(server, model="").load()

    assert "\x1b" not in str(caught.value)


def test_the_only_model_needs_no_name() -> None:
    with stand_in(models=models("/home/she/models/tale.gguf")) as server:
        assert engine_for(server, model="").load().name == "tale.gguf"


def test_a_server_is_asked_once_what_it_is() -> None:
    with stand_in() as server:
        engine = engine_for(server)
        assert engine.load() == engine.load()
        assert list(engine.loading()) == []
        assert [each.path for each in server.asked].count("/v1/models") == 1


# --- counting -------------------------------------------------------------------------------------


def test_a_llama_server_counts_each_text_once() -> None:
    props = as_json({"default_generation_settings": {"n_ctx": 1024}})
    with stand_in(props=props, tokenize=as_json({"tokens": [1, 2, 3]})) as server:
        engine = engine_for(server)
        assert engine.count(["One.", "Two.", "One."]) == [3, 3, 3]
        assert engine.count(["Two."]) == [3]
        asked = [each.body["content"] for each in server.asked if each.path == "/tokenize"]

    assert asked == ["One.", "Two."]


def test_without_a_tokenizer_it_is_estimated_and_no_text_is_sent() -> None:
    with stand_in() as server:
        engine = engine_for(server)
        assert engine.count(["The lamp went out.", ""]) == [estimate("The lamp went out."), 0]
        assert all(each.body is None for each in server.asked)


@given(st.lists(st.text(max_size=60), max_size=8))
def test_an_estimate_of_the_whole_is_no_more_than_of_its_parts(parts: list[str]) -> None:
    assert 0 <= estimate("".join(parts)) <= sum(map(estimate, parts))


def test_the_prompt_of_a_completion_is_the_format_in_a_plain_frame() -> None:
    with stand_in() as server:
        prompt = engine_for(server, mode="completion").prompt("Message", "<reasoning>")

    assert "".join(each.text for each in prompt.parts) == "Message\n\n<reasoning>"
    assert not any(each.control for each in prompt.parts)
    assert prompt.tokens >= estimate("Message") + estimate("<reasoning>")


def test_the_times_are_of_a_clock_that_is_given() -> None:
    ticks = iter(range(10_000))
    with stand_in(chat=Answer([streams.openai()])) as server:
        config = RemoteConfig(server.url, model="tale-7b")
        heard = reply(RemoteEngine(config, clock=lambda: float(next(ticks))))

    assert heard.finished is not None
    cost = heard.finished.statistics
    assert cost.prompt_tokens == 40
    assert cost.generated_tokens == 21
    assert cost.first_token_ms >= 1000
    assert cost.tokens_per_second > 0


def test_adapters_are_the_servers_own_affair() -> None:
    with stand_in() as server:
        engine = engine_for(server)
        assert engine.adapt(()).name == "tale-7b"
        with pytest.raises(EngineError, match="Have the server load the adapter"):
            engine.adapt([Adapter(path="voice.gguf")])


def test_a_server_does_not_tell_how_likely_a_text_is() -> None:
    with stand_in() as server:
        engine = engine_for(server)
        with pytest.raises(EngineError, match="GGUF file on this machine"):
            engine.score([Passage(message="a story", text="goes on")])
        with pytest.raises(EngineError, match="GGUF file on this machine"):
            engine.encode("a story", "goes on")
        assert server.asked == []
