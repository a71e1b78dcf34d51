"""The project's own engine, with any GGUF, as a teacher: what an OpenAI-compatible server answers.

Requests are answered one after the other; those of one row begin alike, so that what they share is
read once. Nothing is sent anywhere.
"""

import asyncio
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datatrove.pipeline.inference.run_inference import InferenceConfig
from datatrove.pipeline.inference.servers.base import InferenceServer
from datatrove.pipeline.inference.types import InferenceError, ServerError

from storytui.engine.api import (
    Engine,
    EngineDiedError,
    EngineError,
    Finished,
    PromptTooLongError,
    Request,
    Retracted,
    Sampling,
    SegmentEnded,
    SegmentPlan,
    Text,
)
from storytui.story.prompt import REASONING
from storytui.story.visible import visible
from storytui_train.data.teacher.engines import model_to_run, open_engine
from storytui_train.errors import TeacherError

HINTS = "storytui"
"""Where a payload has what no server's interface has: `words` and `min_words` of the reply."""
TOKENS = 512
"""The most tokens of a reply whose payload does not say."""
MINIMUM_WORDS = 3
"""Words before which no reply is closed whose payload does not say."""


def local_reply(engine: Engine, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a chat request with the local engine.

    The messages become the one user message of the model's chat template; a last one of the
    assistant's is how the reply begins, and a part of it. The reply is one segment, whose tags the
    engine writes: it ends at a sentence's end, or, where none is near, at a word's, and then its
    `finish_reason` is `length`.

    Args:
        engine: is used by nobody else meanwhile.
        payload: `messages`, and what is known of `max_tokens` (or `max_completion_tokens`),
            `temperature`, `top_p`, `seed`; under `storytui` `words` (about how many the reply is
            to have) and `min_words`.

    Returns:
        A chat completion in the shape of the OpenAI API, with its usage in tokens.

    Raises:
        PromptTooLongError: the messages do not fit the model's context.
        EngineError: the engine failed.
        TeacherError: the payload has no messages with text.
    """
    message, prefix = _message(payload)
    hints = payload.get(HINTS) or {}
    words = hints.get("words")
    plan = SegmentPlan(
        name=REASONING.name,
        opening=REASONING.opening,
        closing=REASONING.closing,
        prefix=prefix,
        words=words,
        minimum_words=hints.get("min_words", MINIMUM_WORDS),
        tokens=payload.get("max_tokens") or payload.get("max_completion_tokens") or TOKENS,
    )
    request = Request(message=message, segments=(plan,), sampling=_sampling(payload))
    text, why = "", ""
    finished: Finished | None = None
    for event in engine.generate(request):
        match event:
            case Text(_, more):
                text += more
            case Retracted(_, kept):
                text = text[:kept]
            case SegmentEnded():
                why = event.why
            case Finished():
                finished = event
    if finished is None or why == "stopped":
        raise EngineError("the reply was stopped before its end")
    cost = finished.statistics
    return {
        "object": "chat.completion",
        "model": payload.get("model", ""),
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text.strip()},
                "finish_reason": "length" if why == "cut" else "stop",
            }
        ],
        "usage": {
            "prompt_tokens": cost.prompt_tokens,
            "completion_tokens": cost.generated_tokens,
            "total_tokens": cost.prompt_tokens + cost.generated_tokens,
            "prompt_tokens_details": {"cached_tokens": cost.reused_tokens},
        },
    }


def _message(payload: Mapping[str, Any]) -> tuple[str, str]:
    """The messages' texts as one, and how the reply is to begin."""
    messages = payload.get("messages")
    given = [
        (each.get("role"), each["content"])
        for each in (messages if isinstance(messages, list) else ())
        if isinstance(each, Mapping) and isinstance(each.get("content"), str)
    ]
    given = [(role, text) for role, text in given if text.strip()]
    prefix = given.pop()[1] if given and given[-1][0] == "assistant" else ""
    if not given:
        raise TeacherError("A request to the local teacher has no message with text in it.")
    return "\n\n".join(text for _, text in given), prefix


def _sampling(payload: Mapping[str, Any]) -> Sampling:
    given = {
        name: payload[name]
        for name in ("seed", "temperature", "top_p")
        if payload.get(name) is not None
    }
    return Sampling(**given)


class LocalServer(InferenceServer):
    """The local engine behind datatrove's inference runner; no port is opened."""

    def __init__(self, config: InferenceConfig, rank: int, engine: Engine) -> None:
        """Nothing is loaded before the first request.

        Args:
            config: datatrove's.
            rank: of the task.
            engine: is closed with the server.
        """
        super().__init__(config, rank)
        self._engine = engine
        self._turn = threading.Lock()
        self._over = False

    async def start_server(self) -> None:
        """Nothing to start: the first request loads the model, and says why it cannot be."""

    async def monitor_health(self) -> None:
        """The engine looks after its own process."""
        await asyncio.Future()

    async def is_ready(self) -> bool:
        """Always."""
        return True

    async def _make_request(self, payload: dict[str, Any]) -> dict[str, Any]:
        try:
            return await asyncio.to_thread(self._answer, payload)
        except PromptTooLongError as error:
            # As a server says it, by which datatrove knows that asking again is of no use.
            reason = f"BadRequestError: {visible(str(error))}"
            raise InferenceError(None, reason, payload=payload) from error
        except EngineError as error:
            raise ServerError(
                TeacherError(f"The local teacher does not answer: {visible(str(error))}")
            ) from error
        except TeacherError as error:
            raise ServerError(error) from error

    def _answer(self, payload: dict[str, Any]) -> dict[str, Any]:
        with self._turn:
            if self._over:
                raise EngineDiedError("the teacher was closed")
            try:
                return local_reply(self._engine, payload)
            except EngineDiedError:
                if self._over:
                    raise
                # It starts its process again.
                return local_reply(self._engine, payload)

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        """Stop what is being written and close the engine."""
        self._over = True
        self._engine.stop()
        await super().__aexit__(kind, error, trace)
        await asyncio.to_thread(self._engine.close)


@dataclass(frozen=True, slots=True)
class LocalTeachers:
    """Makes the server of each task; can be sent to another process."""

    model: str
    """A GGUF by name or path; empty: the built-in one."""
    context: int = 0
    """Tokens; 0: what the machine and the model allow."""
    log: Path | None = field(default=None)
    """A file for what llama.cpp says."""

    def __call__(self, config: InferenceConfig, rank: int) -> LocalServer:
        """The server of a task.

        Raises:
            TeacherError: there is no such model.
        """
        model = model_to_run(self.model)
        engine = open_engine(
            model.path, adapters=model.adapters, context=self.context, log=self.log
        )
        return LocalServer(config, rank, engine)
