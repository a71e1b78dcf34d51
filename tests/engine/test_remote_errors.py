"""What a refusal means, in sentences."""

from datetime import UTC, datetime

import pytest

from storytui.engine.api import PromptTooLongError
from storytui.engine.remote.errors import own_words, refusal, retried, wait_asked

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        ("1.5", 1.5),
        ("-3", 0),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0),
        ("soon", None),
        ("nan", None),
        ("", None),
    ],
)
def test_a_server_may_ask_to_be_left_alone(said: str, seconds: float | None) -> None:
    assert wait_asked({"retry-after": said}, NOW) == seconds


def test_only_what_may_pass_is_tried_again() -> None:
    tried = [
        status
        for status in (200, 400, 401, 403, 404, 422, 429, 500, 502, 503, 529)
        if retried(status)
    ]

    assert tried == [429, 500, 502, 503, 529]


@pytest.mark.parametrize(
    ("status", "what"),
    [
        (400, "does not take the request"),
        (401, "environment variable FICTION_KEY"),
        (403, "environment variable FICTION_KEY"),
        (402, "paid"),
        (404, "knows no model 'tale'"),
        (408, "too long"),
        (429, "in 12 seconds"),
        (500, "fault of its own"),
        (418, "no reply"),
    ],
)
def test_each_status_says_what_happened_and_what_to_do(status: int, what: str) -> None:
    error = refusal(
        "The server nas",
        status,
        "Sorry.",
        model="tale",
        key_variable="FICTION_KEY",
        has_key=status == 403,
        wait=12.0,
    )

    said = str(error)
    assert what in said
    assert said.startswith("The server nas")
    assert f"({status})" in said
    assert said.endswith("It says: “Sorry.”")


def test_a_key_that_is_wanted_and_named_nowhere_is_explained() -> None:
    assert "name that variable" in str(refusal("The server nas", 401, ""))


def test_a_prompt_that_is_too_long_is_an_error_of_its_own() -> None:
    words = "This model's maximum context length is 4096 tokens"

    assert isinstance(refusal("The server nas", 400, words), PromptTooLongError)


def test_a_servers_words_are_short_visible_and_hold_no_key() -> None:
    words = own_words("bad key sk-123\x1b]52;c;aGk=\x07\n\nreally " + "x" * 999, "sk-123")

    assert "sk-123" not in words
    assert "\x1b" not in words
    assert "\n" not in words
    assert len(words) == 300
