"""What parent and child say to each other: one tagged union each way, length-prefixed msgpack.

A frame is four bytes of length (little endian) and as many of msgpack. `PROTOCOL` changes with
every change of a message, so that a parent never talks to a child of another version.
"""

from typing import IO, Literal, TypeVar

import msgspec

from storytui.engine.api import (
    AdapterError,
    EngineError,
    Event,
    HowFar,
    ModelError,
    NoRoomError,
    Prompt,
    PromptTooLongError,
    Readiness,
    Request,
)
from storytui.engine.devices import DeviceReport
from storytui.engine.model_info import Adapter, ModelInfo
from storytui.engine.scores import Encoded, Passage, Scored

PROTOCOL = 9
MAX_FRAME = 32 * 1024 * 1024
"""Bytes; a longer frame is nonsense on the pipe. The largest manuscript takes half of it."""


KvType = Literal["f16", "q8_0"]


class ModelConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Which model, and how it runs."""

    path: str
    context: int = 0
    """Tokens; 0: 16,384 on a GPU, 4,096 on a CPU, never more than the model was trained with."""
    gpu_layers: int = -1
    """Layers on the GPU; -1: all."""
    threads: int = 0
    """Threads on a CPU; 0: one for each physical core."""
    exact: bool = False
    """Never use what was read after other words; read again from the first change on."""
    whole_windows: bool | None = None
    """Whether layers that see only a sliding window keep every token all the same, so that the
    cache can be moved and cut anywhere; None: on a CPU, where memory allows."""
    kv_type: KvType = "f16"
    """How keys and values are kept."""
    adapters: tuple[Adapter, ...] = ()
    """What is laid over the model."""
    scores: bool = False
    """Whether there is room for the logits of many tokens at once: texts are then scored some ten
    times as fast, and some tens of MiB more are taken than plans for a GPU know of."""
    vocabulary_only: bool = False
    """Whether only the tokenizer and the chat template are loaded, in some tens of MiB whatever the
    model takes: texts are counted, rendered and encoded then, and nothing else is done."""


# --- parent to child ---------------------------------------------------------------------------


class Hello(msgspec.Struct, frozen=True, tag=True):
    """The first message: what is there to run a model on?"""

    protocol: int


class Load(msgspec.Struct, frozen=True, tag=True):
    """Load this model; a child that is told so at once loads it without telling its devices."""

    protocol: int
    config: ModelConfig


class Count(msgspec.Struct, frozen=True, tag=True):
    """How many tokens has each of these texts?"""

    call: int
    texts: list[str]


class Render(msgspec.Struct, frozen=True, tag=True):
    """What would the model see?"""

    call: int
    message: str
    opening: str


class Generate(msgspec.Struct, frozen=True, tag=True):
    """Write a reply to each request; `call` is the run number that their events carry.

    The requests differ in their sampling only.
    """

    call: int
    requests: tuple[Request, ...]


class Score(msgspec.Struct, frozen=True, tag=True):
    """How likely are these texts? `call` is a run number, as of `Generate`."""

    call: int
    passages: tuple[Passage, ...]


class Encode(msgspec.Struct, frozen=True, tag=True):
    """What are the tokens of this prompt and its reply?"""

    call: int
    message: str
    pieces: tuple[str, ...]


class Stop(msgspec.Struct, frozen=True, tag=True):
    """End this run within one batch."""

    call: int


class GoAhead(msgspec.Struct, frozen=True, tag=True):
    """Do ahead what this request would begin with."""

    call: int
    request: Request
    how_far: HowFar
    edited: bool
    """Whether text or what is asked was changed since the last `GoAhead`."""
    spare: bool
    """Whether to read nothing that would cost the last continuation's cache."""


class Rest(msgspec.Struct, frozen=True, tag=True):
    """Leave off what is done ahead, within one batch."""


class Rebuild(msgspec.Struct, frozen=True, tag=True):
    """Forget everything that is evaluated."""


class Adapt(msgspec.Struct, frozen=True, tag=True):
    """Lay these adapters over the model, and no others."""

    call: int
    adapters: tuple[Adapter, ...]


class Warm(msgspec.Struct, frozen=True, tag=True):
    """Take up the evaluated state in this file, and keep it there on `Farewell`."""

    path: str
    room: int
    """Bytes it may take."""


class Farewell(msgspec.Struct, frozen=True, tag=True):
    """The editor closes: keep the evaluated state where `Warm` said, then end with the pipe."""


InTurn = Generate | Score | Rebuild | Adapt | Warm | Farewell
"""What uses the model, one after the other."""
ToChild = (
    Hello
    | Load
    | Count
    | Render
    | Encode
    | Generate
    | Score
    | Stop
    | GoAhead
    | Rest
    | Rebuild
    | Adapt
    | Warm
    | Farewell
)


# --- child to parent ---------------------------------------------------------------------------


class Devices(msgspec.Struct, frozen=True, tag=True):
    """The answer to Hello, and the first message."""

    report: DeviceReport


class LoadProgress(msgspec.Struct, frozen=True, tag=True):
    """How much of the model is loaded, from 0 to 1."""

    fraction: float


class Loaded(msgspec.Struct, frozen=True, tag=True):
    """The model is ready."""

    info: ModelInfo


class Counted(msgspec.Struct, frozen=True, tag=True):
    """The answer to Count."""

    call: int
    counts: list[int]


class Rendered(msgspec.Struct, frozen=True, tag=True):
    """The answer to Render."""

    call: int
    prompt: Prompt


class EncodedAs(msgspec.Struct, frozen=True, tag=True):
    """The answer to Encode."""

    call: int
    encoded: Encoded


class Scores(msgspec.Struct, frozen=True, tag=True):
    """What a `Score` has found since the last one: a batch may have brought nothing whole."""

    call: int
    scores: list[Scored]
    over: bool = False
    """Whether nothing follows."""


class Adapted(msgspec.Struct, frozen=True, tag=True):
    """The answer to Adapt."""

    call: int
    info: ModelInfo
    """The model as it is now."""


class Events(msgspec.Struct, frozen=True, tag=True):
    """Events of a run, a few at a time."""

    call: int
    events: list[Event]
    candidate: int = 0
    """Which of the run's requests they belong to."""


class Ahead(msgspec.Struct, frozen=True, tag=True):
    """How far a `GoAhead` is."""

    call: int
    readiness: Readiness


class Failed(msgspec.Struct, frozen=True, tag=True):
    """A call that could not be done; call 0 is the loading."""

    call: int
    kind: str
    message: str


class Alive(msgspec.Struct, frozen=True, tag=True):
    """A sign of life, every few seconds while the child is busy with something long."""


FromChild = (
    Devices
    | LoadProgress
    | Loaded
    | Counted
    | Rendered
    | EncodedAs
    | Scores
    | Adapted
    | Events
    | Ahead
    | Failed
    | Alive
)

_KINDS: dict[str, type[EngineError]] = {
    each.__name__: each
    for each in (EngineError, ModelError, NoRoomError, AdapterError, PromptTooLongError)
}


def failure(call: int, error: EngineError) -> Failed:
    """An error as a message."""
    kind = type(error).__name__
    return Failed(call, kind if kind in _KINDS else EngineError.__name__, str(error))


def error_of(failed: Failed) -> EngineError:
    """The error that a message stands for."""
    return _KINDS.get(failed.kind, EngineError)(failed.message)


class BrokenPipeProtocolError(EngineError):
    """What came over the pipe is no message."""


def frame(message: ToChild | FromChild) -> bytes:
    """One message as it goes over the pipe.

    Raises:
        EngineError: it is longer than the other side accepts.
    """
    body = msgspec.msgpack.encode(message)
    if len(body) > MAX_FRAME:
        raise EngineError(
            f"the text is too long for the model's process ({len(body):,} bytes, "
            f"at most {MAX_FRAME:,}); ask for a smaller context"
        )
    return len(body).to_bytes(4, "little") + body


class Channel:
    """Frames over a pair of binary files; one reader, and writers that take turns."""

    def __init__(self, reader: IO[bytes], writer: IO[bytes]) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, message: ToChild | FromChild) -> None:
        """Write one message; raises OSError where the other side is gone."""
        self.write(frame(message))

    def write(self, raw: bytes) -> None:
        """Write a frame; raises OSError where the other side is gone."""
        self._writer.write(raw)
        self._writer.flush()

    def receive_bytes(self) -> bytes | None:
        """The next frame's body; None at the end of the stream.

        Raises:
            BrokenPipeProtocolError: the stream ends inside a frame, or the frame is too long.
        """
        head = self._reader.read(4)
        if not head:
            return None
        length = int.from_bytes(head, "little")
        if len(head) < 4 or length > MAX_FRAME:
            raise BrokenPipeProtocolError("nonsense came over the pipe to the model's process")
        body = self._reader.read(length)
        if len(body) < length:
            raise BrokenPipeProtocolError("a message from the model's process broke off")
        return body

    def close(self) -> None:
        """Close the reading end."""
        self._reader.close()

    def close_writer(self) -> None:
        """Close the writing end, which the other side reads as the end."""
        self._writer.close()


_TO_CHILD: msgspec.msgpack.Decoder[ToChild] = msgspec.msgpack.Decoder(ToChild)
_FROM_CHILD: msgspec.msgpack.Decoder[FromChild] = msgspec.msgpack.Decoder(FromChild)
_Message = TypeVar("_Message")


def to_child(body: bytes) -> ToChild:
    """What the parent says with a frame's body; raises BrokenPipeProtocolError."""
    return _decoded(_TO_CHILD, body)


def from_child(body: bytes) -> FromChild:
    """What the child says with a frame's body; raises BrokenPipeProtocolError."""
    return _decoded(_FROM_CHILD, body)


def _decoded(decoder: msgspec.msgpack.Decoder[_Message], body: bytes) -> _Message:
    try:
        return decoder.decode(body)
    # ValueError: broken UTF-8; the last two: nesting and lengths that are lies.
    except (msgspec.MsgspecError, ValueError, RecursionError, MemoryError) as error:
        raise BrokenPipeProtocolError("what came over the pipe is no message") from error
