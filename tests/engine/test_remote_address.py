"""Whose a server is, and what addresses are taken."""

import pytest

from storytui.engine.api import EngineError
from storytui.engine.remote.address import is_her_own, parse_address, redirected

OWN = [
    *("localhost", "localhost:8080", "LOCALHOST", "me.localhost", "127.0.0.1", "127.8.9.1:80"),
    *("::1", "[::1]:8080", "http://[::1]/v1", "10.1.2.3", "172.16.0.1", "172.31.255.255"),
    *("192.168.178.20", "169.254.3.4", "fd00::1", "fe80::1%eth0", "::ffff:192.168.0.1"),
    *("nas", "nas:11434", "http://gpu-box:8000/v1", "gpu_box", "studio.local", "studio.local."),
]
NOT_OWN = [
    *("openrouter.ai", "https://openrouter.ai/api/v1", "8.8.8.8", "172.32.0.1", "192.169.0.1"),
    *("11.0.0.1", "2001:4860:4860::8888", "::ffff:8.8.8.8", "local", "ai.", "134744072"),
    *("0x08080808", "evil.local.example.com", "localhost.example.com", "127.0.0.1.nip.io"),
    *("", "http://", "http://user@evil.com", "http://localhost@evil.com/", "https://[", "nås"),
    *("100.64.0.1", "0.0.0.0", "192.0.2.1"),
]


@pytest.mark.parametrize("address", OWN)
def test_these_are_her_own(address: str) -> None:
    assert is_her_own(address)


@pytest.mark.parametrize("address", [each for each in NOT_OWN if each != "local"])
def test_these_are_not_her_own(address: str) -> None:
    assert not is_her_own(address)


@pytest.mark.parametrize(
    ("text", "url", "root"),
    [
        ("localhost:8080", "http://localhost:8080/v1", ""),
        ("http://NAS:11434/", "http://nas:11434/v1", ""),
        ("https://openrouter.ai/api/v1/", "https://openrouter.ai/api/v1", "/api"),
        ("https://a.example/v1/chat/completions", "https://a.example/v1", ""),
        ("http://[::1]:8080/v1", "http://[::1]:8080/v1", ""),
        ("https://a.example:443/openai", "https://a.example/openai", "/openai"),
    ],
)
def test_addresses_are_taken_as_they_are_written(text: str, url: str, root: str) -> None:
    found = parse_address(text)

    assert (found.url, found.root) == (url, root)
    assert parse_address(found.url) == found


@pytest.mark.parametrize("text", ["", "ftp://nas", "http://", "http://nas:port", "a b", "http://["])
def test_what_is_no_address_is_said(text: str) -> None:
    with pytest.raises(EngineError, match="write it like"):
        parse_address(text)


@pytest.mark.parametrize("text", ["http://me:secret@nas/v1", "me:secret@nas", "http://:secret@["])
def test_a_password_in_an_address_is_neither_taken_nor_shown(text: str) -> None:
    with pytest.raises(EngineError) as caught:
        parse_address(text)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("location", "to"),
    [
        ("/v2/models", "http://nas/v2/models"),
        ("models/", "http://nas/v1/models/"),
        ("https://nas/v1/models?x=1", "https://nas/v1/models?x=1"),
        ("http://nas:80/x", "http://nas/x"),
        ("http://nas:81/x", ""),
        ("http://other/x", ""),
        ("//other/x", ""),
        ("https://nas:8443/x", ""),
        ("ftp://nas/x", ""),
        ("http://[", ""),
    ],
)
def test_a_redirect_leads_to_the_same_server_or_nowhere(location: str, to: str) -> None:
    found = redirected(parse_address("http://nas"), "/v1/models", location)

    assert (f"{found[0].scheme}://{found[0].shown}{found[1]}" if found else "") == to


def test_a_redirect_never_leads_away_from_https() -> None:
    assert redirected(parse_address("https://a.example"), "/v1", "http://a.example/v1") is None
