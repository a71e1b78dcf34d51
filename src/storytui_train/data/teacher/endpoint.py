"""An OpenAI-compatible endpoint behind datatrove's inference runner.

datatrove's own endpoint server goes round the openai client for addresses on this machine, drops
costs and reasoning from what comes back, asks a path for readiness that endpoints do not have, and
sleeps for minutes on its own. This one leaves all sending again to the openai client: after 408,
409, 429, 5xx, timeouts and dropped connections, with what `Retry-After` says or longer and longer
apart. A reply that is no JSON, or holds an error instead of a choice, counts as a 502.
"""

import asyncio
import dataclasses
import json
from typing import Any

import openai
from datatrove.pipeline.inference.run_inference import InferenceConfig
from datatrove.pipeline.inference.servers import EndpointServer
from datatrove.pipeline.inference.types import InferenceError, ServerError

from storytui.story.visible import visible
from storytui_train.data.teacher.access import NO_KEY, address_of, is_here, key_to
from storytui_train.data.teacher.costs import Purse
from storytui_train.errors import TeacherError
from storytui_train.recipe import TeacherOptions

FIRST_RETRIES = 2
"""Of the very first request: an address where nobody listens is told at once."""
LONGEST_REASON = 300
TURNED_AWAY = "BadRequestError: "
"""Before the reason of a request that was turned away, as datatrove's cache marks it."""
KEPT = "Every reply that came is kept; run again to go on."
_NO_CREDIT = ("insufficient_quota", "billing", "credit")


class TurnedAway(InferenceError):
    """A request that the endpoint will not answer, however often it is sent."""

    def __init__(self, reason: str, *, final: bool) -> None:
        """Say why.

        Args:
            reason: the endpoint's own words.
            final: whether the endpoint answers others, so that it is this request's own fault.
        """
        super().__init__(None, reason)
        self.reason = reason
        self.final = final

    def __str__(self) -> str:
        return f"{TURNED_AWAY}{self.reason}"


class Unanswered(InferenceError):
    """A request that was sent as often as allowed, and never answered."""

    def __init__(self, reason: str) -> None:
        """Say what came instead of an answer the last time."""
        super().__init__(None, reason)
        self.reason = reason


class TeacherServer(EndpointServer):
    """The endpoint of a recipe's teacher."""

    def __init__(
        self, config: InferenceConfig, rank: int, options: TeacherOptions, purse: Purse
    ) -> None:
        """Read the key, and make the client.

        Args:
            config: datatrove's; holds no key, since its executors write it down.
            rank: of the task.
            options: the recipe's.
            purse: asked before each request.

        Raises:
            RecipeError: the key's variable belongs to another host.
            TeacherError: the key is not set.
        """
        key = key_to(options)
        super().__init__(dataclasses.replace(config, api_key=key), rank)
        self._options = options
        self._purse = purse
        self._key = key
        self._host = visible(address_of(options).shown)
        self.client = client_of(options, key)
        self._first = asyncio.Lock()
        self._reached = False
        self._answered = False
        self._failed_in_a_row = 0
        self._stopped: TeacherError | None = None

    async def is_ready(self) -> bool:
        """Always: the first request tells."""
        return True

    async def server_cleanup(self) -> None:
        """End what datatrove started, and the connections."""
        await super().server_cleanup()
        if self._reached:
            await self.client.close()

    async def _make_request(self, payload: dict[str, Any]) -> dict[str, Any]:
        """Send a request and give back the endpoint's reply, as it came.

        Raises:
            TurnedAway: the endpoint will not answer this one.
            Unanswered: it was sent as often as allowed.
            ServerError: with a `TeacherError` in it: no request can be answered, or paid for.
        """
        # One at a time until the endpoint has answered: a wrong key is told once, and what a
        # reply costs is known before many are on their way.
        async with self._first:
            if not self._reached:
                response = await self._ask(payload, min(FIRST_RETRIES, self._options.retries))
                if response is not None:
                    return response
        response = await self._ask(payload, self._options.retries)
        assert response is not None
        return response

    async def _ask(self, payload: dict[str, Any], retries: int) -> dict[str, Any] | None:
        """One request; None where it was the first, and the endpoint is there but busy."""
        if self._stopped is not None:
            raise ServerError(self._stopped)
        try:
            reserved = self._purse.reserve(payload)
        except TeacherError as error:
            raise self._stop(error) from error
        try:
            reply = await self._send(payload, retries)
        except openai.OpenAIError as error:
            self._purse.give_back(reserved)
            first, self._reached = not self._reached, self._reached or not _is_unreachable(error)
            if first and self._reached and _is_passing(error):
                return None
            raise self._fault(error) from error
        except BaseException:
            self._purse.give_back(reserved)
            raise
        self._reached = self._answered = True
        self._failed_in_a_row = 0
        self._purse.settle(reserved, reply["usage"])
        return reply

    async def _send(self, payload: dict[str, Any], retries: int) -> dict[str, Any]:
        standard = {"model": payload["model"], "messages": payload["messages"]}
        others = {name: value for name, value in payload.items() if name not in standard}
        client = self.client.with_options(max_retries=retries)
        # The rest goes as it is: not every endpoint's options are among the library's.
        completion = await client.chat.completions.create(**standard, extra_body=others)
        reply: dict[str, Any] = completion.to_dict()
        reply["usage"] = reply.get("usage") or {}
        reply["choices"][0].setdefault("finish_reason", "")
        return reply

    def _fault(self, error: openai.OpenAIError) -> InferenceError | ServerError:
        """What an error of the client's means for this request, or for all."""
        reason = reason_of(error, self._key)
        told = stopping(error, reason, self._options, reached=self._reached)
        if told is not None:
            return self._stop(TeacherError(told))
        self._failed_in_a_row += 1
        if self._failed_in_a_row >= max(4, self._options.concurrency):
            told = f"The teacher at {self._host} does not answer any more: {reason}. {KEPT}"
            return self._stop(TeacherError(told))
        if _is_passing(error):
            return Unanswered(reason)
        return TurnedAway(reason, final=self._answered)

    def _stop(self, error: TeacherError) -> ServerError:
        """Nothing is sent any more; what is on its way comes in."""
        self._stopped = self._stopped or error
        return ServerError(self._stopped)


def stopping(
    error: Exception, reason: str, options: TeacherOptions, *, reached: bool
) -> str | None:
    """Why no request at all can be answered, as a sentence; None where others may be.

    Args:
        error: the openai client's.
        reason: what `reason_of` makes of it.
        options: the teacher's.
        reached: whether the endpoint has answered anything yet.
    """
    host = visible(address_of(options).shown)
    status = getattr(error, "status_code", None)
    low = reason.lower()
    if not reached and _is_unreachable(error):
        return (
            f"The teacher at {host} cannot be reached: {reason}. Look at teacher.url and at the "
            "network."
        )
    if status is not None and 300 <= status < 400:
        return f"The teacher at {host} sends requests elsewhere: correct teacher.url. {KEPT}"
    if status == 401 or (status == 403 and not ("flagged" in low or "moderat" in low)):
        return (
            f"The teacher at {host} does not take the key in the environment variable "
            f"{visible(options.key_variable)}: {reason}. Put the right key into it. {KEPT}"
        )
    if status == 402 or (status == 429 and any(word in low for word in _NO_CREDIT)):
        return f"The account at {host} has no credit left: {reason}. {KEPT}"
    if status == 404 or (status == 400 and "model" in low and "valid" in low):
        return (
            f"The teacher at {host} does not know the model {visible(options.model)}: {reason}. "
            f"Name another in teacher.model, or look at teacher.url. {KEPT}"
        )
    return None


def client_of(options: TeacherOptions, key: str) -> openai.AsyncOpenAI:
    """The openai client for a teacher; a server of her own is reached directly, and by no detour.

    Args:
        options: the teacher's.
        key: the key to its endpoint.
    """
    address = address_of(options)
    here = is_here(options)
    return openai.AsyncOpenAI(
        api_key=key,
        base_url=address.url,
        timeout=options.timeout,
        max_retries=options.retries,
        # Hers must not go through a proxy, nor follow where somebody sends it.
        http_client=openai.DefaultAsyncHttpxClient(
            timeout=options.timeout,
            trust_env=not here,
            follow_redirects=not here,
            event_hooks={"response": [_mark_broken]},
        ),
    )


async def _mark_broken(response: Any) -> None:
    """Give a reply that is none the status of a server's error, so that it is asked for again."""
    if response.status_code != 200 or not response.url.path.endswith("/chat/completions"):
        return
    try:
        reply = json.loads(await response.aread())
    except ValueError:
        response.status_code = 502
        return
    choices = reply.get("choices") if isinstance(reply, dict) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(first, dict) or not isinstance(first.get("message"), dict):
        error = reply.get("error") if isinstance(reply, dict) else None
        code = error.get("code") if isinstance(error, dict) else None
        response.status_code = code if isinstance(code, int) and 400 <= code < 600 else 502
    elif first.get("error") or first.get("finish_reason") == "error":
        response.status_code = 502


def _is_passing(error: Exception) -> bool:
    """Whether the same request may be answered another time."""
    status = getattr(error, "status_code", None)
    return status in (408, 409, 425, 429) or status is None or status >= 500


def _is_unreachable(error: Exception) -> bool:
    """Whether nobody listens at the address, or there is no such address."""
    cause = error.__cause__
    return isinstance(error, openai.APIConnectionError) and type(cause).__name__ in (
        "ConnectError",
        "ConnectTimeout",
        "UnsupportedProtocol",
    )


def reason_of(error: Exception, key: str) -> str:
    """What went wrong, in the endpoint's own words, on one line and without the key.

    Args:
        error: the openai client's.
        key: left out where the endpoint repeats it.
    """
    body = getattr(error, "body", None)
    message = body.get("message") if isinstance(body, dict) else None
    cause = error.__cause__
    text = str(message or (str(cause) if cause is not None else "") or error)
    text = text if key == NO_KEY else text.replace(key, "…")
    shown = visible(" ".join(text.split()))
    if isinstance(error, openai.APITimeoutError):
        shown = "no sign of life for as long as teacher.timeout allows"
    return shown[:LONGEST_REASON].rstrip(" .") or type(error).__name__
