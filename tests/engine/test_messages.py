"""Frames over the pipe."""

import io

import pytest

from storytui.engine.api import EngineError, ModelError, Reading, Text
from storytui.engine.messages import (
    BrokenPipeProtocolError,
    Channel,
    Count,
    Events,
    error_of,
    failure,
    from_child,
    to_child,
)


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


def test_errors_keep_their_kind_across_the_pipe() -> None:
    error = error_of(failure(3, ModelError("no model")))
    assert type(error) is ModelError
    assert str(error) == "no model"
    assert type(error_of(failure(3, BrokenPipeProtocolError("x")))) is EngineError
