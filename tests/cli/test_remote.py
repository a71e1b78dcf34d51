"""`storytui continue` on servers of each kind: replies, breaks, consent, and what goes wrong."""

import json
import os
import pty
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import remote_streams as streams
from certificates import tls_for
from remote_streams import ANSWER, REASONING, chunk, event
from standin_proxy import StandInProxy, stand_in_proxy
from standin_server import Answer, StandIn, as_json, models, stand_in

Run = Callable[..., subprocess.CompletedProcess[str]]

LLAMA_SERVER = {
    "models": models("/models/tale-7b.gguf", owned_by="llamacpp", meta={"n_ctx": 2048}),
    "props": as_json({"default_generation_settings": {"n_ctx": 2048}}),
    "tokenize": as_json({"tokens": [1, 2, 3]}),
    "chat": [Answer([streams.llama_server(each)]) for each in (REASONING, ANSWER)],
}
KINDS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama-server": ("tale-7b.gguf", LLAMA_SERVER),
    "ollama": (
        "tale:latest",
        {
            "models": models("tale:latest", owned_by="library"),
            "ps": as_json({"models": [{"name": "tale:latest", "context_length": 4096}]}),
            "chat": Answer([streams.ollama()]),
        },
    ),
    "vllm": (
        "tale-7b",
        {
            "models": models("tale-7b", max_model_len=8192, owned_by="vllm"),
            "chat": [Answer([streams.openai(each)]) for each in (REASONING, ANSWER)],
        },
    ),
    "vllm whose model thinks": ("tale-7b", {"chat": Answer([streams.vllm()])}),
    "lm-studio": (
        "tale-7b",
        {
            "models": models("tale-7b", owned_by="organization_owner"),
            "lmstudio": as_json({"data": [{"id": "tale-7b", "loaded_context_length": 6000}]}),
            "chat": Answer([streams.lm_studio()]),
        },
    ),
}
"""The name that is shown of the model of each kind of server, and what such a server answers."""


@pytest.fixture
def settings(home: Path) -> Callable[[str], None]:
    """Writes the settings file."""

    def write(text: str) -> None:
        path = home / "config" / "storytui" / "settings.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    return write


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_server_goes_on_with_a_story(storytui: Run, story: Path, kind: str) -> None:
    name, answers = KINDS[kind]
    with stand_in(**answers) as server:
        done = storytui("continue", story, "--remote", server.url, "--json", "--seed", "7")
        asked = server.replies()[0].body

    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert (found["reasoning"], found["answer"]) == (REASONING, ANSWER)
    assert (found["complete"], found["problem"]) == (True, "")
    assert (found["model"], found["stop"], found["seed"]) == (name, "closed", 7)
    assert asked["model"].endswith(name)
    message = next(each for each in asked["messages"] if each["role"] == "user")
    assert message["content"].endswith("“You knew,” he said.")


def test_raw_completions_are_asked_for_where_the_settings_say_so(
    storytui: Run, story: Path, settings: Callable[[str], None]
) -> None:
    pieces = [Answer([streams.completion(each)]) for each in (REASONING, ANSWER)]
    with stand_in(completions=pieces) as server:
        settings(f"[remote]\naddress = '{server.url}'\napi = 'completion'\nmodel = 'tale-7b'\n")
        done = storytui("continue", story)
        asked = server.replies()

    assert (done.returncode, done.stdout) == (0, f"{ANSWER}\n")
    assert asked[0].path == "/v1/completions"
    assert asked[0].body["prompt"].endswith("<reasoning>")


def test_the_settings_choose_the_server_and_the_command_line_takes_it_back(
    storytui: Run, story: Path, settings: Callable[[str], None], tmp_path: Path
) -> None:
    with stand_in(chat=Answer([streams.openai()])) as server:
        settings(f"[remote]\naddress = '{server.url}'\nmodel = 'kept'\ncontext = 3000\n")
        assert storytui("continue", story).stdout == f"{ANSWER}\n"
        storytui("continue", story, "--remote", server.url, "--remote-model", "other")
        names = [each.body["model"] for each in server.replies()]
        before = len(server.asked)

        local = storytui("continue", story, "--model", tmp_path / "nowhere.gguf")
        nothing = storytui("bench", "--only", "commands", "--rounds", "1", "--json")

        assert (local.returncode, "nowhere.gguf" in local.stderr) == (1, True)
        assert nothing.returncode == 0
        assert names == ["kept", "other"]
        assert len(server.asked) == before


def test_what_the_settings_say_of_their_server_is_not_taken_to_another(
    storytui: Run, story: Path, settings: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALE_KEY", "sk-settings")
    with stand_in(chat=Answer([streams.openai()])) as mine, stand_in() as other:
        settings(f"[remote]\naddress = '{mine.url}'\nmodel = 'mine'\nkey_variable = 'TALE_KEY'\n")
        storytui("continue", story, "--remote", mine.url)
        storytui("prompt", story, "--remote", other.url)

        assert {each.headers["authorization"] for each in mine.asked} == {"Bearer sk-settings"}
        assert other.asked
        assert not any("authorization" in each.headers for each in other.asked)


def test_the_prompt_for_a_server_can_be_seen(storytui: Run, story: Path) -> None:
    with stand_in() as server:
        done = storytui("prompt", story, "--remote", server.url)

    assert done.returncode == 0
    assert "### Context:\nThe lamp was out." in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--remote", "ftp://nas"], "cannot be reached at 'ftp://nas'; write it like http://"),
        (["--remote", "http://she:secret@nas"], "holds a name or a password"),
        (["--remote", "nas", "--model", "tale.gguf"], "--model is about a model on this machine"),
        (["--remote", "nas", "--kv-type", "f16"], "--kv-type is about a model on this machine"),
        (["--remote-model", "tale"], "no server is chosen"),
        (["--remote-model", "tale", "--remote", ""], "no server is chosen"),
        (["--remote-model", "tale", "--model", "tale.gguf"], "no server is chosen"),
    ],
)
@pytest.mark.parametrize("command", ["continue", "prompt", "edit"])
def test_a_command_line_that_makes_no_sense_is_said(
    storytui: Run, story: Path, command: str, arguments: list[str], says: str
) -> None:
    done = storytui(*(() if command == "edit" else (command,)), story, *arguments)

    assert done.returncode == 2
    assert says in done.stderr
    assert "secret" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("address = 'ftp://nas'", "settings.toml: [remote] address: A server cannot be reached"),
        ("api = 'soap'", "[remote] api must be one of: auto, chat, completion"),
        ("key_variable = 'sk-or-v1-123'", "key_variable must be the name of an environment"),
    ],
)
def test_settings_that_make_no_sense_are_said(
    storytui: Run, story: Path, settings: Callable[[str], None], text: str, says: str
) -> None:
    settings(f"[remote]\n{text}\n")

    done = storytui("continue", story)

    assert (done.returncode, done.stdout) == (1, "")
    assert says in done.stderr
    assert "sk-or" not in done.stderr


# --- what breaks off ------------------------------------------------------------------------------

BROKEN = event(chunk({"content": "<reasoning>She waits.</reasoning><answer>“No. I do"}))


@pytest.fixture
def breaking() -> Iterator[StandIn]:
    """A server that breaks off in mid-sentence."""
    with stand_in(chat=Answer([BROKEN], drops=True)) as server:
        yield server


@pytest.mark.parametrize("stream", [True, False])
def test_what_came_before_a_break_is_printed_and_the_break_is_said(
    storytui: Run, story: Path, breaking: StandIn, stream: bool
) -> None:
    done = storytui(
        "continue",
        story,
        "--remote",
        breaking.url,
        *(["--stream"] if stream else []),
    )

    assert (done.returncode, done.stdout) == (1, "“No. I do\n")
    assert done.stderr.startswith(f"storytui: The server 127.0.0.1:{breaking.port} broke the")
    assert done.stderr.count("\n") == 1


def test_json_says_that_a_reply_is_not_complete(
    storytui: Run, story: Path, breaking: StandIn
) -> None:
    done = storytui("continue", story, "--remote", breaking.url, "--json")

    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert (found["reasoning"], found["answer"]) == ("She waits.", "“No. I do")
    assert (found["complete"], found["stop"]) == (False, "")
    assert found["problem"] in done.stderr
    assert "broke the connection off" in found["problem"]


@pytest.mark.parametrize("as_json", [True, False])
def test_of_several_the_complete_ones_are_printed_whole(
    storytui: Run, story: Path, as_json: bool
) -> None:
    answers = [Answer([streams.openai()]), Answer([BROKEN], drops=True)]
    with stand_in(chat=answers) as server:
        options = ["--candidates", "3", *(["--json"] if as_json else [])]
        done = storytui("continue", story, "--remote", server.url, *options)

    assert done.returncode == 1
    if as_json:
        found = json.loads(done.stdout)
        assert [each["complete"] for each in found] == [True, False, False]
        assert [each["answer"] for each in found] == [ANSWER, "“No. I do", ""]
    else:
        assert done.stdout == f"--- 1 of 3 ---\n\n{ANSWER}\n\n--- 2 of 3 ---\n\n“No. I do\n"


def test_a_server_that_refuses_before_anything_came_is_one_line(storytui: Run, story: Path) -> None:
    with stand_in(chat=as_json({"error": {"message": "no such key"}}, 401)) as server:
        done = storytui("continue", story, "--remote", server.url, "--json")

    assert (done.returncode, done.stdout) == (1, "")
    assert "wants a key (401)" in done.stderr


# --- consent --------------------------------------------------------------------------------------

ROUTER = "https://openrouter.ai/api/v1"
KEY = "sk-or-v1-0123456789"


@pytest.fixture
def router(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """OpenRouter, to which the only way is a proxy."""
    tls = tls_for("openrouter.ai", tmp_path / "authority.pem")
    answers = {
        "router_models": models("author/tale-7b", context_length=32768),
        "router_chat": Answer([streams.openrouter()]),
    }
    with stand_in(tls=tls, **answers) as server, stand_in_proxy(server.port) as proxy:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("https_proxy", raising=False)
        monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
        yield server


ON_ROUTER = ("--remote", ROUTER, "--remote-model", "author/tale-7b")


def test_story_text_goes_to_a_server_elsewhere_only_after_consent(
    storytui: Run, story: Path, router: StandIn
) -> None:
    before = storytui("continue", story, *ON_ROUTER)
    assert (before.returncode, before.stdout) == (1, "")
    assert "would be sent to openrouter.ai, which is not a machine of your own" in before.stderr
    assert before.stderr.endswith("To agree to that once: storytui remote allow openrouter.ai\n")
    assert router.connections == 0

    allowed = storytui("remote", "allow", ROUTER)
    assert (allowed.returncode, allowed.stdout) == (0, "Story text may be sent to openrouter.ai.\n")
    assert storytui("remote", "list").stdout == "openrouter.ai\n"
    agreed = storytui("continue", story, *ON_ROUTER, "--json")
    assert (agreed.returncode, agreed.stderr) == (0, "")
    found = json.loads(agreed.stdout)
    assert (found["reasoning"], found["answer"]) == (REASONING, ANSWER)
    assert {each.headers["authorization"] for each in router.asked} == {f"Bearer {KEY}"}

    connections = router.connections
    assert storytui("remote", "revoke", "openrouter.ai").returncode == 0
    assert storytui("continue", story, *ON_ROUTER).returncode == 1
    assert storytui("remote", "revoke", "openrouter.ai").returncode == 1
    assert json.loads(storytui("remote", "list", "--json").stdout) == {"hosts": []}
    assert router.connections == connections


def test_the_usual_variable_of_a_service_is_named_where_it_is_empty(
    storytui: Run, story: Path, router: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENROUTER_API_KEY")
    storytui("remote", "allow", "openrouter.ai")

    done = storytui("continue", story, *ON_ROUTER)

    assert done.returncode == 1
    assert "OPENROUTER_API_KEY is not set; put the key to openrouter.ai into it" in done.stderr
    assert router.connections == 0


def at_a_terminal(story: Path, answer: bytes) -> tuple[int, str, str]:
    """Exit status, standard output, and what stands on the terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "storytui.cli", "continue", str(story), *ON_ROUTER],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    try:
        while b"(y/n)" not in shown:
            assert select.select([ours], [], [], 60)[0], shown
            shown += os.read(ours, 4096)
        os.write(ours, answer)
        printed, _ = process.communicate(timeout=60)
        while select.select([ours], [], [], 0)[0]:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # Linux says so when the other end is closed
                break
            if not piece:
                break
            shown += piece
    finally:
        process.kill()
        os.close(ours)
    return process.returncode, printed.decode(), shown.decode()


def test_at_a_terminal_she_is_asked_once(storytui: Run, story: Path, router: StandIn) -> None:
    status, printed, shown = at_a_terminal(story, b"n\n")
    assert (status, printed) == (1, "")
    assert "Nothing was sent." in shown
    assert router.connections == 0

    status, printed, shown = at_a_terminal(story, b"y\n")
    assert (status, printed) == (0, f"{ANSWER}\n"), shown
    assert "Send it there, now and from now on? (y/n)" in shown

    assert storytui("continue", story, *ON_ROUTER).stdout == f"{ANSWER}\n"


def test_an_answer_that_cannot_be_kept_sends_nothing(
    story: Path, router: StandIn, home: Path
) -> None:
    # What is to be replaced is a folder with something in it.
    (home / "state" / "storytui" / "servers-agreed-to.json" / "x").mkdir(parents=True)

    status, printed, shown = at_a_terminal(story, b"y\n")

    assert (status, printed) == (1, "")
    assert "cannot be kept" in shown
    assert "Traceback" not in shown
    assert router.connections == 0


def test_a_proxy_in_between_is_named_when_it_is_away(
    storytui: Run, story: Path, router: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stand_in_proxy(1) as proxy:
        pass
    assert isinstance(proxy, StandInProxy)
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    storytui("remote", "allow", "openrouter.ai")

    done = storytui("continue", story, *ON_ROUTER)

    assert done.returncode == 1
    assert f"behind the proxy 127.0.0.1:{proxy.port}, which does not answer" in done.stderr


@pytest.mark.parametrize("host", ["ftp://nas", "two words", ""])
def test_what_is_no_host_cannot_be_allowed(storytui: Run, host: str) -> None:
    done = storytui("remote", "allow", host)

    assert done.returncode == 2
    assert "write it like" in done.stderr


def test_ctrl_c_keeps_what_came_of_a_server(story: Path) -> None:
    goes_on = threading.Event()
    first = event(chunk({"content": "<reasoning>No.</reasoning><answer>He waited. Then he"}))
    with stand_in(chat=Answer([first, goes_on])) as server:
        command = [sys.executable, "-m", "storytui.cli", "continue", str(story), "--stream"]
        process = subprocess.Popen(
            [*command, "--remote", server.url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert process.stdout is not None
        assert process.stdout.read(10) == b"He waited."
        process.send_signal(signal.SIGINT)
        printed, said = process.communicate(timeout=60)
        assert server.left.wait(10), "the connection stayed open"
        goes_on.set()

    assert (process.returncode, said, printed) == (130, b"", b" Then he\n")
