"""What each kind of server streams for the same reply, as its documentation and source have it."""

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

REASONING = "She fears the dark — the light must go out."
ANSWER = "“Wait,” said Éowyn, and the lamp went out. Nobody moved."
TAGGED = f"<reasoning>{REASONING}</reasoning><answer>{ANSWER}</answer>"


def tokens(text: str) -> list[str]:
    """Pieces as a model might make them; tags fall apart."""
    return [text[at : at + 7] for at in range(0, len(text), 7)]


def event(value: Any, *, blank: str = " ", end: str = "\n\n", ascii_only: bool = False) -> bytes:
    data = value if isinstance(value, str) else json.dumps(value, ensure_ascii=ascii_only)
    return f"data:{blank}{data}{end}".encode()


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        **more,
    }


USAGE = {"prompt_tokens": 40, "completion_tokens": 21, "total_tokens": 61}


def openai(text: str = TAGGED) -> bytes:
    return b"".join(
        [
            event(chunk({"role": "assistant", "content": ""}, usage=None), ascii_only=True),
            *(
                event(chunk({"content": each}, usage=None), ascii_only=True)
                for each in tokens(text)
            ),
            event(chunk({}, "stop", usage=None)),
            event({"object": "chat.completion.chunk", "choices": [], "usage": USAGE}),
            event("[DONE]"),
        ]
    )


def llama_server(text: str = TAGGED) -> bytes:
    progress = {"total": 40, "cache": 0, "processed": 32, "time_ms": 9}
    return b"".join(
        [
            event(chunk({"role": "assistant", "content": None})),
            event(chunk({}, prompt_progress=progress)),
            *(event(chunk({"content": each})) for each in tokens(text)),
            event(chunk({}, "stop")),
            event({"choices": [], "usage": USAGE, "timings": {"cache_n": 32, "prompt_n": 8}}),
            event("[DONE]"),
        ]
    )


def ollama(text: str = TAGGED) -> bytes:
    return b"".join(
        [
            *(event(chunk({"role": "assistant", "content": each})) for each in tokens(text)),
            event(chunk({"role": "assistant", "content": ""}, "stop")),
            event("[DONE]"),
        ]
    )


def _thinking(name: str, reasoning: str, answer: str) -> list[bytes]:
    return [
        *(event(chunk({name: each, "content": None})) for each in tokens(reasoning)),
        *(event(chunk({"content": each, name: None})) for each in tokens(answer)),
    ]


def vllm(reasoning: str = REASONING, answer: str = ANSWER) -> bytes:
    return b"".join(
        [
            event(chunk({"role": "assistant", "content": ""})),
            *_thinking("reasoning_content", reasoning, answer),
            event(chunk({"content": ""}, "stop", stop_reason=None)),
            event({"choices": [], "usage": USAGE}),
            event("[DONE]"),
        ]
    )


def openrouter(reasoning: str = REASONING, answer: str = ANSWER) -> bytes:
    comment = b": OPENROUTER PROCESSING\n\n"
    pieces = _thinking("reasoning", reasoning, answer)
    return b"".join(
        [
            comment,
            comment,
            *(piece + comment * (number % 3 == 0) for number, piece in enumerate(pieces)),
            event(chunk({"content": ""}, "stop", native_finish_reason="stop")),
            event(chunk({"role": "assistant", "content": ""}, usage=USAGE)),
            event("[DONE]"),
        ]
    )


def lm_studio(text: str = TAGGED) -> bytes:
    """With line breaks of two characters, no blank behind the colon, and no `[DONE]`."""
    return b"".join(
        [
            *(
                event(chunk({"role": "assistant", "content": each}), blank="", end="\r\n\r\n")
                for each in tokens(text)
            ),
            event(chunk({}, "stop"), blank="", end="\r\n\r\n"),
        ]
    )


def completion(text: str, finish: str = "stop") -> bytes:
    return b"".join(
        [
            *(
                event({"choices": [{"index": 0, "text": each, "finish_reason": None}]})
                for each in tokens(text)
            ),
            event({"choices": [{"index": 0, "text": "", "finish_reason": finish}]}),
            event("[DONE]"),
        ]
    )


TAGGED_KINDS = {
    "openai": openai(),
    "llama-server": llama_server(),
    "ollama": ollama(),
    "lm-studio": lm_studio(),
}
THINKING_KINDS = {"vllm": vllm(), "openrouter": openrouter()}
KINDS = TAGGED_KINDS | THINKING_KINDS


def cut(stream: bytes, places: Sequence[int]) -> list[bytes]:
    """A stream in pieces."""
    edges = [0, *sorted(each for each in places if each < len(stream)), len(stream)]
    return [stream[start:end] for start, end in pairwise(edges)]
