"""The editor with its model on a server: a real remote engine, and a stand-in for the server."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import remote_streams as streams
from remote_streams import ANSWER, REASONING, chunk, event
from standin_server import Answer, StandIn, as_json, models, stand_in

from storytui import folders
from storytui.app.screens import confirm
from storytui.app.screens.confirm import ConfirmScreen
from storytui.app.screens.prompt_view import PromptScreen
from storytui.commands.server import server_engine
from storytui.consent import agree, agreed, take_back
from storytui.manuscript.opening import open_manuscript
from storytui.settings import AheadSettings, RemoteSettings, SamplingSettings, Settings
from storytui.takes.store import TakeStore

HOST = "fiction.example.com"
WHOLE = Answer([streams.openai()])
BROKEN = event(chunk({"content": "<reasoning>She waits.</reasoning><answer>He waited. Then he"}))


def on_server(address: str) -> dict[str, Any]:
    """What the editor is started with whose model is at `address`."""
    remote = RemoteSettings(address=address, model="tale-7b")
    settings = Settings(
        remote=remote, sampling=SamplingSettings(seed=7), ahead=AheadSettings(pause_ms=1)
    )
    return {"settings": settings, "factory": lambda: server_engine(remote)}


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A question takes letters without a pause before them."""
    monkeypatch.setattr(confirm, "PAUSE_SECONDS", 0.0)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """A server that is not hers, at a name that leads to the stand-in."""
    find = socket.getaddrinfo

    def lead(host: str, *more: Any, **named: Any) -> Any:
        return find("127.0.0.1" if host == HOST else host, *more, **named)

    monkeypatch.setattr("socket.getaddrinfo", lead)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with stand_in(chat=WHOLE) as server:
        yield server


def url(server: StandIn) -> str:
    return f"http://{HOST}:{server.port}/v1"


async def test_a_reply_comes_from_a_server_and_the_take_says_from_which(start):
    props = as_json({"default_generation_settings": {"n_ctx": 2048}})
    tokens = as_json({"tokens": [1, 2, 3]})
    pieces = [Answer([streams.llama_server(each)]) for each in (REASONING, ANSWER)]
    with stand_in(chat=pieces, props=props, tokenize=tokens) as server:
        async with start(**on_server(server.url)) as editor:
            assert f"tale-7b · 127.0.0.1:{server.port} · ready" in editor.said
            # The pause before something is done ahead is over at once.
            await editor.until(lambda: not editor.flow.ahead.waiting)
            assert [each.path for each in server.asked if each.body] == []
            await editor.go_on()
            assert editor.answer == ANSWER
            take = editor.desk.take
            assert (take.reasoning, take.state) == (REASONING, "complete")
            assert (take.model, take.model_path) == ("tale-7b", server.url)
            assert f'"server":"127.0.0.1:{server.port}"' in take.settings
            assert (take.model_hash, take.problem) == ("", "")
            await editor.until(lambda: "ready" in editor.said)
            await editor.press("tab")
            assert editor.text.endswith("“Wait,” said Éowyn, and the lamp went out.")
        assert len(server.replies()) == 2


async def test_it_is_waited_for_without_figures_until_the_server_has_some(start):
    silent, goes_on = threading.Event(), threading.Event()
    progress = {"total": 40, "cache": 0, "processed": 32, "time_ms": 9}
    pieces = [event(chunk({}, prompt_progress=progress)), goes_on, streams.openai()]
    with stand_in(chat=Answer(pieces, silent=silent)) as server:
        async with start(**on_server(server.url)) as editor:
            await editor.press("ctrl+g")
            await editor.until(lambda: server.replies())
            assert "waiting for the server · esc stops" in editor.said
            assert "%" not in editor.said
            silent.set()
            await editor.until(lambda: "reading 80 %" in editor.said)
            goes_on.set()
            await editor.until(lambda: not editor.flow.room.busy)
            assert editor.answer == ANSWER


async def test_a_dropped_stream_ends_as_a_take_that_is_marked_and_kept(start, story_path):
    with stand_in(chat=[Answer([BROKEN], drops=True), WHOLE]) as server:
        opened = open_manuscript(folders.manuscripts_folder(), story_path)
        async with start(story_file=opened, **on_server(server.url)) as editor:
            before = editor.text
            await editor.go_on()
            take = editor.desk.take
            assert (take.state, take.stop) == ("failed", "")
            assert (take.reasoning, take.answer) == ("She waits.", "He waited. Then he")
            assert "broke the connection off" in take.problem
            assert "broke the connection off" in editor.said
            assert "broke the connection off" in str(editor.screen.query_one("#note").content)
            assert editor.answer == "He waited. Then he"
            assert editor.text == before
            await editor.press("tab")
            assert editor.text.endswith("He waited.")
            await editor.go_on()
            assert editor.desk.take.state == "complete"
        assert opened.home is not None
        with closing(TakeStore(opened.home.takes_path)) as store:
            kept = {each.take.state: each.take for each in store.numbered()}
    assert set(kept) == {"failed", "complete"}
    assert (kept["failed"].answer, kept["failed"].model_path) == ("He waited. Then he", server.url)
    assert "broke the connection off" in kept["failed"].problem


async def test_a_stop_leaves_the_server_and_keeps_what_came(start):
    goes_on = threading.Event()
    with stand_in(chat=Answer([BROKEN, goes_on])) as server:
        async with start(**on_server(server.url)) as editor:
            await editor.press("ctrl+g")
            await editor.until(lambda: editor.answer.startswith("He waited."))
            await editor.press("escape")
            await editor.until(lambda: not editor.flow.room.busy)
            assert editor.desk.take.state == "stopped"
            assert server.left.wait(10), "the connection stayed open"
            goes_on.set()


async def test_a_stop_before_anything_was_sent_sends_nothing(start):
    props = as_json({"default_generation_settings": {"n_ctx": 2048}})
    counts = threading.Event()
    tokens = Answer([b'{"tokens": [1]}'], silent=counts)
    with stand_in(chat=WHOLE, props=props, tokenize=tokens) as server:
        async with start(**on_server(server.url)) as editor:
            await editor.press("ctrl+g")
            await editor.until(lambda: server.asked[-1].path == "/tokenize")
            await editor.press("escape")
            counts.set()
            await editor.until(lambda: not editor.flow.room.busy)
            assert editor.desk.take.state == "stopped"
        assert server.replies() == []


async def test_a_server_that_refuses_is_said_and_the_next_key_works(start):
    refused = as_json({"error": {"message": "no such key"}}, 401)
    with stand_in(models=[refused, models("tale-7b")], chat=WHOLE) as server:
        async with start(ready=False, **on_server(server.url)) as editor:
            await editor.until(lambda: "wants a key (401)" in editor.said)
            await editor.go_on()
            assert editor.answer == ANSWER
            await editor.until(lambda: "· ready" in editor.said or editor.loaded)
            assert editor.desk.take.model == "tale-7b"


async def test_she_can_see_what_a_server_would_be_sent(start):
    with stand_in() as server:
        async with start(**on_server(server.url)) as editor:
            await editor.press("f12")
            await editor.until(lambda: isinstance(editor.app.screen, PromptScreen))
        assert server.replies() == []


# --- consent --------------------------------------------------------------------------------------


async def test_nothing_is_sent_elsewhere_before_she_agreed(start, elsewhere, at_once):
    async with start(ready=False, **on_server(url(elsewhere))) as editor:
        await editor.until(lambda: f"Nothing is sent to {HOST} before you agree" in editor.said)
        assert editor.screen.status.engine == "waits for your consent"
        assert not editor.screen.status.warning
        await editor.press("ctrl+g")
        await editor.until(lambda: isinstance(editor.app.screen, ConfirmScreen))
        assert elsewhere.connections == 0
        await editor.press("y")
        await editor.until(lambda: editor.desk.take and editor.desk.take.state == "complete")
        assert editor.answer == ANSWER
        await editor.until(lambda: editor.loaded)
        assert editor.desk.take.model == "tale-7b"
    assert agreed(folders.state_folder(), HOST)


async def test_a_server_that_she_agreed_to_is_not_asked_about_again(start, elsewhere):
    agree(folders.state_folder(), HOST)
    async with start(**on_server(url(elsewhere))) as editor:
        await editor.go_on()
        assert editor.answer == ANSWER


async def test_a_no_leaves_a_page_without_a_model_and_the_next_key_asks_again(
    start, elsewhere, at_once
):
    async with start(ready=False, **on_server(url(elsewhere))) as editor:
        await editor.until(lambda: editor.screen.status.engine == "waits for your consent")
        for _ in range(2):
            await editor.press("ctrl+g")
            await editor.until(lambda: isinstance(editor.app.screen, ConfirmScreen))
            await editor.press("escape")
            await editor.until(lambda: editor.app.screen is editor.screen)
            await editor.until(lambda: editor.screen.status.engine == "no model")
            assert f"Nothing is sent to {HOST}." in editor.said
            assert not editor.screen.status.warning
        await editor.press("X")
        assert editor.text.endswith("X")
        assert editor.desk.take is None
    assert elsewhere.connections == 0
    assert not agreed(folders.state_folder(), HOST)


async def test_a_word_that_she_goes_on_typing_is_no_yes(start, elsewhere, monkeypatch):
    monkeypatch.setattr(confirm, "PAUSE_SECONDS", 3600.0)
    async with start(ready=False, **on_server(url(elsewhere))) as editor:
        await editor.until(lambda: editor.screen.status.engine == "waits for your consent")
        await editor.press("ctrl+g")
        await editor.until(lambda: isinstance(editor.app.screen, ConfirmScreen))
        await editor.press(*"yes", "enter", "space")
        assert isinstance(editor.app.screen, ConfirmScreen)
        await editor.press("escape")
    assert elsewhere.connections == 0


async def test_a_consent_that_is_taken_back_meanwhile_is_asked_for_again(start, elsewhere, at_once):
    agree(folders.state_folder(), HOST)
    async with start(**on_server(url(elsewhere))) as editor:
        take_back(folders.state_folder(), HOST)
        connections = elsewhere.connections
        await editor.go_on()
        assert editor.desk.take.state == "failed"
        await editor.until(lambda: editor.screen.status.engine == "waits for your consent")
        assert elsewhere.connections == connections
        await editor.press("ctrl+g")
        await editor.until(lambda: isinstance(editor.app.screen, ConfirmScreen))
        await editor.press("y")
        await editor.until(lambda: editor.answer == ANSWER and not editor.flow.room.busy)


async def test_a_yes_that_cannot_be_kept_sends_nothing(start, elsewhere, at_once):
    (folders.state_folder() / "servers-agreed-to.json" / "x").mkdir(parents=True)
    async with start(ready=False, **on_server(url(elsewhere))) as editor:
        await editor.until(lambda: editor.screen.status.engine == "waits for your consent")
        await editor.press("ctrl+g")
        await editor.until(lambda: isinstance(editor.app.screen, ConfirmScreen))
        await editor.press("y")
        await editor.until(lambda: "cannot be kept" in editor.said)
    assert elsewhere.connections == 0
