"""The way to a server: https with its certificates, and proxies."""

import threading
from pathlib import Path

import pytest
import remote_streams as streams
from certificates import tls_for
from remote_streams import ANSWER, REASONING
from standin_proxy import stand_in_proxy
from standin_server import Answer, models, stand_in

from storytui.engine.api import EngineError, Request, Sampling, SegmentPlan, Text
from storytui.engine.remote import RemoteConfig, RemoteEngine, parse_address
from storytui.engine.remote.key import Key
from storytui.engine.remote.proxy import proxy_for

PLANS = (
    SegmentPlan(name="reasoning", opening="<reasoning>", closing="</reasoning>", tokens=200),
    SegmentPlan(name="answer", opening="<answer>", closing="</answer>", words=40, tokens=300),
)
REQUEST = Request(message="The lamp went out.", segments=PLANS, sampling=Sampling(seed=7))
HOST = "fiction.example.com"
VARIABLES = [name for each in ("http", "https", "all", "no") for name in (each, each.upper())]


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(f"{name}_proxy", raising=False)
        monkeypatch.delenv(f"{name}_PROXY", raising=False)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of an authority that is trusted."""
    path = tmp_path / "authority.pem"
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return path


def engine_at(url: str, key: str = "") -> RemoteEngine:
    config = RemoteConfig(url, model="tale-7b", retries=())
    return RemoteEngine(config, consented=lambda: True, key=Key(key))


def texts(engine: RemoteEngine) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in engine.generate(REQUEST):
        if isinstance(each, Text):
            found[each.segment] = found.get(each.segment, "") + each.text
    return found


WHOLE = {"reasoning": REASONING, "answer": ANSWER}


# --- https ----------------------------------------------------------------------------------------


def test_a_server_is_spoken_to_by_https(authority: Path) -> None:
    tls = tls_for("127.0.0.1", authority)
    with stand_in(tls=tls, chat=Answer([streams.openai()])) as server:
        assert texts(engine_at(f"https://127.0.0.1:{server.port}")) == WHOLE


def test_a_stop_closes_a_connection_by_https(authority: Path) -> None:
    goes_on = threading.Event()
    first = streams.event(streams.chunk({"content": "<reasoning>She waits. Then"}))
    tls = tls_for("127.0.0.1", authority)
    with stand_in(tls=tls, chat=Answer([first, goes_on])) as server:
        engine = engine_at(f"https://127.0.0.1:{server.port}")
        for each in engine.generate(REQUEST):
            if isinstance(each, Text):
                engine.stop()
        assert server.left.wait(10), "the connection stayed open"
        goes_on.set()


def problem_with(tls_name: str, authority: Path, **more: bool) -> str:
    """What is said of a server at 127.0.0.1 whose certificate is for `tls_name`."""
    with stand_in(tls=tls_for(tls_name, authority, **more)) as server:
        with pytest.raises(EngineError) as caught:
            engine_at(f"https://127.0.0.1:{server.port}").load()
        assert server.asked == []
    return str(caught.value)


def test_a_certificate_that_nobody_here_trusts_is_said(tmp_path: Path) -> None:
    said = problem_with("127.0.0.1", tmp_path / "unknown.pem")

    assert "not trusted here" in said
    assert "SSL_CERT_FILE" in said


def test_a_certificate_for_another_name_is_said(authority: Path) -> None:
    assert "certificate for another name; check the address" in problem_with(HOST, authority)


def test_a_certificate_whose_time_is_over_is_said(authority: Path) -> None:
    said = problem_with("127.0.0.1", authority, expired=True)

    assert "not valid today; check this machine's date" in said


def test_a_server_without_https_is_said() -> None:
    with stand_in() as server, pytest.raises(EngineError, match="does not speak https"):
        engine_at(f"https://127.0.0.1:{server.port}").load()


# --- proxies --------------------------------------------------------------------------------------


def test_by_https_a_proxy_only_connects_through(
    authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = tls_for(HOST, authority)
    with (
        stand_in(tls=tls, chat=Answer([streams.openai()])) as server,
        stand_in_proxy(server.port) as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY", f"http://she:p%40ss@127.0.0.1:{proxy.port}")

        assert texts(engine_at(f"https://{HOST}", "sk-1")) == WHOLE

        assert len(proxy.heads) == 2
        for head in proxy.heads:
            assert head.startswith(f"CONNECT {HOST}:443 HTTP/1.1\r\n")
            assert "Proxy-Authorization: Basic c2hlOnBAc3M=\r\n" in head
            assert "sk-1" not in head
        assert {each.headers["authorization"] for each in server.asked} == {"Bearer sk-1"}
        assert not any("proxy-authorization" in each.headers for each in server.asked)


def test_by_http_a_proxy_is_asked_for_the_whole_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        stand_in(chat=Answer([streams.openai()])) as server,
        stand_in_proxy(server.port) as proxy,
    ):
        monkeypatch.setenv("http_proxy", f"127.0.0.1:{proxy.port}")

        assert texts(engine_at(f"http://{HOST}")) == WHOLE

        assert proxy.heads[0].startswith(f"GET http://{HOST}/v1/models HTTP/1.1\r\n")
        assert {each.headers["host"] for each in server.asked} == {HOST}


def test_a_server_of_her_own_is_reached_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    with stand_in_proxy(1) as proxy, stand_in(chat=Answer([streams.openai()])) as server:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)

        assert texts(engine_at(server.url)) == WHOLE
        assert proxy.heads == []


@pytest.mark.parametrize(
    ("variables", "shown"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://proxy:3128"}, "proxy:3128"),
        ({"https_proxy": "http://[::1]:3128/"}, "[::1]:3128"),
        ({"ALL_PROXY": "proxy"}, "proxy:80"),
        ({"HTTP_PROXY": "http://proxy:3128"}, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "a.org, .example.com"}, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": f"{HOST}:444"}, "proxy:3128"),
        ({"HTTPS_PROXY": "http://proxy:3128", "no_proxy": "*"}, None),
    ],
)
def test_the_environment_says_which_proxy(
    variables: dict[str, str], shown: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    found = proxy_for(parse_address(f"https://{HOST}"))

    assert (found and found.shown) == shown


@pytest.mark.parametrize(
    ("proxy", "says"),
    [
        ("socks5://she:secret@proxy:1080", "does not know how to use (socks5)"),
        ("https://she:secret@proxy", "does not know how to use (https)"),
        ("http://she:secret@:3128", "has no address"),
        ("http://she:secret@proxy:three", "has no address"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_said_without_its_password(
    proxy: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)

    with pytest.raises(EngineError) as caught:
        engine_at(f"https://{HOST}").load()

    assert says in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("refuses", "says"),
    [
        (b"HTTP/1.1 407 Who are you\r\n\r\n", "wants a name and a password"),
        (b"HTTP/1.1 403 No\r\n\r\n", "does not let requests through to it (403)"),
        (b"220 mail\r\n\r\n", "does not let requests through"),
        (b"\r\n\r\n", "does not let requests through"),
        (b"HTTP/1.1 200 Oh", "does not answer as a proxy does"),
    ],
)
def test_a_proxy_that_refuses_is_said(
    refuses: bytes, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stand_in_proxy(1, refuses) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://she:secret@127.0.0.1:{proxy.port}")
        with pytest.raises(EngineError) as caught:
            engine_at(f"https://{HOST}").load()

    assert says in str(caught.value)
    assert f"the proxy 127.0.0.1:{proxy.port}" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_proxy_that_refuses_by_http_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    refuses = b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n"
    with stand_in_proxy(1, refuses) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        engine = engine_at(f"http://{HOST}")
        with pytest.raises(EngineError, match="behind a proxy that wants a name"):
            list(engine.generate(REQUEST))


def test_a_proxy_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with stand_in_proxy(1) as proxy:
        pass
    monkeypatch.setenv("HTTPS_PROXY", f"http://she:secret@127.0.0.1:{proxy.port}")

    with pytest.raises(EngineError) as caught:
        engine_at(f"https://{HOST}").load()

    assert f"the proxy 127.0.0.1:{proxy.port}, which does not answer" in str(caught.value)
    assert "secret" not in str(caught.value)


# --- consent --------------------------------------------------------------------------------------


def test_consent_that_is_taken_back_counts_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    agreed = [True]
    with (
        stand_in(models=models("tale-7b"), chat=Answer([streams.openai()])) as server,
        stand_in_proxy(server.port) as proxy,
    ):
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        config = RemoteConfig(f"http://{HOST}", model="tale-7b")
        engine = RemoteEngine(config, consented=lambda: agreed[0])
        assert texts(engine) == WHOLE
        asked = len(server.asked)
        agreed[0] = False

        for ask in (engine.load, lambda: texts(engine)):
            with pytest.raises(EngineError, match="not a machine of your own"):
                ask()
        assert len(server.asked) == asked
