"""What an OpenAI-compatible server streams: bytes become events, events become text. Pure.

The form of the stream is that of server-sent events (WHATWG HTML, 9.2): lines that end in LF, CR
or CRLF, `data:` lines, comments, a blank line behind each event. What servers differ in is taken
here: keep-alive comments (OpenRouter), no blank behind the colon, a missing `[DONE]`, errors in
mid-stream in their several shapes, thoughts in `reasoning_content` (llama-server, LM Studio, older
vLLM) or `reasoning` (Ollama, OpenRouter, vLLM).
"""

import codecs
import json
import re
from dataclasses import dataclass
from typing import Any

MOST_EVENT = 4 * 1024 * 1024
"""Characters of one event; a longer one is nonsense."""
_SURROGATE = re.compile("[\ud800-\udfff]")


class StreamError(ValueError):
    """What came is no such stream; the message completes `The server …`."""


class EventReader:
    """Cuts a stream, in pieces of any size, into the data of its events."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._line: list[str] = []
        self._data: list[str] = []
        self._size = 0
        self._after_return = False
        self._first = True

    def feed(self, piece: bytes) -> list[str]:
        """Take more bytes; returns the data of the events that they complete.

        Raises:
            StreamError: an event has no end.
        """
        return self._take(self._decoder.decode(piece))

    def close(self) -> list[str]:
        """The stream is over; returns the data that lacked only its blank line, or its line's end.

        Whether such a last line was cut off in its middle shows when it is read as JSON.
        """
        line = "".join(self._line)
        self._line.clear()
        if line:
            self._take_line(line)
        return self._dispatch()

    def _take(self, text: str) -> list[str]:
        if self._first and text:
            self._first = False
            text = text.removeprefix("\ufeff")
        if self._after_return and text:
            self._after_return = False
            text = text.removeprefix("\n")
        if text.endswith("\r"):
            self._after_return = True
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        *lines, rest = text.split("\n")
        found: list[str] = []
        for line in lines:
            whole = "".join([*self._line, line])
            self._line.clear()
            if whole:
                self._take_line(whole)
            else:
                found += self._dispatch()
        if rest:
            self._line.append(rest)
            self._count(len(rest))
        return found

    def _take_line(self, line: str) -> None:
        name, _, value = line.partition(":")
        if name == "data":
            self._count(len(value))
            self._data.append(value.removeprefix(" "))
        elif not self._data and line[:1] in "{[":
            # Some proxies answer with a bare JSON object in place of a stream.
            self._data.append(line)

    def _dispatch(self) -> list[str]:
        data, self._data = "\n".join(self._data), []
        self._size = 0
        return [data] if data else []

    def _count(self, characters: int) -> None:
        self._size += characters
        if self._size > MOST_EVENT:
            raise StreamError("sent an event that has no end")


@dataclass(frozen=True, slots=True)
class Usage:
    """What a reply cost, as the server says."""

    prompt: int
    """Tokens of the prompt."""
    generated: int
    cached: int = 0
    """Tokens of the prompt that the server had read before."""


@dataclass(frozen=True, slots=True)
class Delta:
    """What one event of a stream brings."""

    text: str = ""
    thought: str = ""
    """Text of the model's own thinking, which the server has separated."""
    finish: str = ""
    """Why the reply ended: `stop`, `length`, `content_filter`, …; empty while it goes on."""
    done: bool = False
    """Whether it says that the stream is over."""
    error: str = ""
    """What went wrong, in the server's words."""
    status: int = 0
    """The error's status, where it has one."""
    usage: Usage | None = None
    read: tuple[int, int] | None = None
    """How much of the prompt llama-server has read, of how many tokens."""


def read_delta(data: str) -> Delta:
    """What an event's data says.

    Raises:
        StreamError: it is neither `[DONE]` nor a JSON object.
    """
    if data.strip() == "[DONE]":
        return Delta(done=True)
    try:
        event = json.loads(data)
    except (ValueError, RecursionError) as problem:
        raise StreamError("sent what is no JSON") from problem
    if not isinstance(event, dict):
        raise StreamError("sent JSON of another form than a reply has")
    error, status = error_in(event)
    if error:
        return Delta(error=error, status=status)
    choice = _first_choice(event)
    part = choice.get("delta") or choice.get("message") or {}
    part = part if isinstance(part, dict) else {}
    finish = _text(choice.get("finish_reason"))
    return Delta(
        text=_text(part.get("content")) or _text(choice.get("text")),
        thought=_text(part.get("reasoning_content")) or _text(part.get("reasoning")),
        finish=finish,
        error="The provider of the model failed." if finish == "error" else "",
        usage=_usage(event),
        read=_read(event.get("prompt_progress")),
    )


def error_in(answer: Any) -> tuple[str, int]:
    """The error that a JSON answer holds, and its status; an empty text where it holds none.

    Taken are `{"error": {"message": …, "code": …}}` (OpenAI, llama-server, OpenRouter),
    `{"error": "…"}` (Ollama, LM Studio), `{"object": "error", "message": …}` (older vLLM) and
    `{"detail": …}` (FastAPI).
    """
    if not isinstance(answer, dict):
        return "", 0
    error = answer.get("error")
    if isinstance(error, dict):
        words = _text(error.get("message")) or _compact(error)
        return words, _number(error.get("code")) or _number(error.get("status"))
    if error:
        return _text(error) or _compact(error), 0
    if answer.get("object") == "error":
        return _text(answer.get("message")) or _compact(answer), _number(answer.get("code"))
    if answer.get("detail") and "choices" not in answer:
        return _text(answer["detail"]) or _compact(answer["detail"]), 0
    return "", 0


def _first_choice(event: dict[str, Any]) -> dict[str, Any]:
    choices = event.get("choices")
    if isinstance(choices, list):
        for choice in choices:
            if isinstance(choice, dict) and not choice.get("index"):
                return choice
    return {}


def _usage(event: dict[str, Any]) -> Usage | None:
    usage = event.get("usage")
    if not isinstance(usage, dict):
        return None
    details = usage.get("prompt_tokens_details")
    cached = _number(details.get("cached_tokens")) if isinstance(details, dict) else 0
    timings = event.get("timings")
    if not cached and isinstance(timings, dict):
        cached = _number(timings.get("cache_n"))
    prompt = _number(usage.get("prompt_tokens"))
    return Usage(prompt, _number(usage.get("completion_tokens")), min(cached, prompt))


def _read(progress: Any) -> tuple[int, int] | None:
    if not isinstance(progress, dict):
        return None
    done, total = _number(progress.get("processed")), _number(progress.get("total"))
    return (min(done, total), total) if total else None


def _text(value: Any) -> str:
    # A pair of surrogates may be torn between two events.
    return _SURROGATE.sub("\ufffd", value) if isinstance(value, str) else ""


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
