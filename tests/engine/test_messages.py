"""Frames over the pipe."""

import contextlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storytui.engine.api import EngineError, ModelError, Reading, Text
from storytui.engine.messages import (
    MAX_FRAME,
    BrokenPipeProtocolError,
    Channel,
    Count,
    Events,
    error_of,
    failure,
    frame,
    from_child,
    to_child,
)
from storytui.engine.sendable import sendable


def test_messages_come_out_as_they_went_in() -> None:
    pipe = io.BytesIO()
    sent = Events(7, [Reading(1, 2), Text("answer", "„Grüße“")])
    Channel(pipe, pipe).send(sent)
    Channel(pipe, pipe).send(Count(1, ["a"]))
    pipe.seek(0)
    channel = Channel(pipe, pipe)
    assert from_child(channel.receive_bytes() or b"") == sent
    assert to_child(channel.receive_bytes() or b"") == Count(1, ["a"])
    assert channel.receive_bytes() is None


@pytest.mark.parametrize("raw", [b"\x01", b"\xff\xff\xff\xff", b"\x09\x00\x00\x00abc"])
def test_nonsense_on_the_pipe_is_named(raw: bytes) -> None:
    with pytest.raises(BrokenPipeProtocolError):
        Channel(io.BytesIO(raw), io.BytesIO()).receive_bytes()


@given(st.binary())
def test_whatever_comes_is_a_message_or_is_named(raw: bytes) -> None:
    with contextlib.suppress(BrokenPipeProtocolError):
        from_child(raw)


@pytest.mark.parametrize(
    "raw",
    [b"", b"\xc1", b"\x91" * 100_000, b"\xdd\xff\xff\xff\xff", b"\x81\xa4type\xa2\xff\xfe"],
)
def test_what_lies_about_itself_is_named(raw: bytes) -> None:
    with pytest.raises(BrokenPipeProtocolError):
        from_child(raw)


@given(st.text(st.characters(codec=None, categories=None), max_size=20))
def test_any_text_can_travel_and_keeps_its_length(text: str) -> None:
    sent = to_child(frame(Count(1, [sendable(text)]))[4:])
    assert isinstance(sent, Count)
    assert len(sent.texts[0]) == len(text)


def test_a_message_that_is_too_long_is_refused_before_it_is_sent() -> None:
    with pytest.raises(EngineError, match="too long"):
        frame(Count(1, ["x" * MAX_FRAME]))


def test_errors_keep_their_kind_across_the_pipe() -> None:
    error = error_of(failure(3, ModelError("no model")))
    assert type(error) is ModelError
    assert str(error) == "no model"
    assert type(error_of(failure(3, BrokenPipeProtocolError("x")))) is EngineError
