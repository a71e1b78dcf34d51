"""What a server is asked: the settings of a remote engine, and a request as JSON. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from storytui.engine.api import Request, Sampling, SegmentPlan, opening_of
from storytui.engine.remote.connection import TimeOuts
from storytui.engine.template import PLAIN_FRAME

Mode = Literal["chat", "completion"]
Tags = Literal["auto", "ours", "model"]
Kind = Literal["llama-server", "vllm", "other"]
"""What a server was found to be, where that makes a difference."""

TAG_TOKENS = 32
"""Tokens that a model may spend on the tags of each segment."""


@dataclass(frozen=True, slots=True)
class RemoteConfig:
    """A server, and how it is used."""

    base_url: str
    """`http://localhost:8080/v1`; `/v1` may be left out."""
    model: str = ""
    """The model's name on the server; empty: the only one there."""
    mode: Mode = "chat"
    """`chat` goes through the server's chat template; `completion` sends the message in a plain
    frame, and the reply's tags with it."""
    tags: Tags = "auto"
    """Who writes the reply's tags. `ours`: they are sent as the beginning of the reply, which the
    server goes on from; a segment that ends without its tag has the next one asked for in a request
    of its own. `model`: one request, and the model writes them. `auto`: ours for completions and
    for servers known to go on from the beginning of a reply (llama-server, vLLM)."""
    key_variable: str = ""
    """The environment variable that holds the key; empty: no key, or one from the keyring."""
    keyring: bool = False
    """Whether the key is asked from the system's keyring, where no variable holds it."""
    context: int = 0
    """Tokens of context; 0: as the server says, or 4,096."""
    thinking_tokens: int = 0
    """Tokens more that a model may spend on thoughts of its own; they are taken off the context."""
    time_outs: TimeOuts = field(default_factory=TimeOuts)
    retries: tuple[float, ...] = (1.0, 3.0, 9.0)
    """Seconds before each further try, where nothing of an answer had come. A server that asks for
    more with `Retry-After` is given it."""
    longest_wait: float = 60.0
    """Seconds; a server that asks for more before a retry is not asked again."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How one server is to be asked; changes where it refuses something."""

    kind: Kind = "other"
    prefill: bool = False
    """Whether the tags are ours."""
    extras: bool = True
    """Whether it is sent what OpenAI's own server does not know."""
    max_name: str = "max_tokens"
    """`max_completion_tokens` where a server insists."""


_EXTRAS = (
    *("top_k", "min_p", "repeat_penalty", "repetition_penalty", "repeat_last_n"),
    *("dry_multiplier", "dry_base", "dry_allowed_length", "dry_penalty_last_n"),
    *("xtc_probability", "xtc_threshold", "return_progress", "cache_prompt"),
    *("chat_template_kwargs", "continue_final_message", "add_generation_prompt"),
    *("stream_options", "seed"),
)
"""Names that a strict server may not know."""


def first_manner(config: RemoteConfig, kind: Kind) -> Manner:
    """How a server is asked at first."""
    ours = config.tags == "ours" or (
        config.tags == "auto" and (config.mode == "completion" or kind != "other")
    )
    return Manner(kind=kind, prefill=ours)


def other_manner(manner: Manner, config: RemoteConfig, words: str) -> Manner | None:
    """How a server is asked again that refused a request (400, 422); None where that is no use.

    Args:
        manner: how it was asked.
        config: its settings.
        words: what it says.
    """
    said = words.lower()
    if manner.max_name == "max_tokens" and "max_completion_tokens" in said:
        return Manner(manner.kind, manner.prefill, manner.extras, "max_completion_tokens")
    prefilled = manner.prefill and config.mode == "chat" and config.tags == "auto"
    if prefilled and any(each in said for each in ("prefill", "last message", "assistant")):
        return Manner(manner.kind, False, manner.extras, manner.max_name)
    if manner.extras and any(each in said for each in _EXTRAS):
        return Manner(manner.kind, manner.prefill, False, manner.max_name)
    return None


def path_of(config: RemoteConfig) -> str:
    """The endpoint, behind the API's path."""
    return "/chat/completions" if config.mode == "chat" else "/completions"


def body_of(
    request: Request,
    config: RemoteConfig,
    manner: Manner,
    model: str,
    *,
    begun: str = "",
    left: Sequence[SegmentPlan] = (),
) -> dict[str, Any]:
    """A request as JSON.

    Args:
        request: the reply asked for.
        config: the server's settings.
        manner: how it is asked.
        model: its name there.
        begun: what stands of the reply, tags included; the server goes on from there.
        left: the segments that are still to come, the one begun included.
    """
    alone = manner.prefill and asked_alone(left)
    wanted = left[:1] if alone else left
    tokens = sum(each.tokens + TAG_TOKENS for each in wanted) + config.thinking_tokens
    body: dict[str, Any] = {"model": model, "stream": True, manner.max_name: tokens}
    if config.mode == "completion":
        body["prompt"] = PLAIN_FRAME.before + request.message + PLAIN_FRAME.after + begun
    else:
        body["messages"] = _messages(request, begun)
    if begun and left:
        body["stop"] = [wanted[-1].closing]
    body |= _sampling(request.sampling, manner)
    if manner.extras:
        body["stream_options"] = {"include_usage": True}
        if config.mode == "chat" and manner.kind != "other":
            # As for local models: the format has a place of its own for thoughts.
            body["chat_template_kwargs"] = {"enable_thinking": False}
        if manner.kind == "llama-server":
            body |= {"cache_prompt": True, "return_progress": True}
        if manner.kind == "vllm" and config.mode == "chat" and begun:
            body |= {"continue_final_message": True, "add_generation_prompt": False}
    return body


def asked_alone(left: Sequence[SegmentPlan]) -> bool:
    """Whether a segment is asked for by itself: the next begins with words of the story."""
    return len(left) > 1 and left[1].lead != ""


def _messages(request: Request, begun: str) -> list[dict[str, str]]:
    messages = [{"role": "user", "content": request.message}]
    if begun:
        messages.append({"role": "assistant", "content": begun})
        return messages
    opens = request.segments[0].prefix if request.segments else ""
    if opens or not request.trained:
        # The format's own message stays as it is, character for character.
        messages.insert(0, {"role": "system", "content": _instruction(request.segments)})
    return messages


def _instruction(segments: Sequence[SegmentPlan]) -> str:
    """The form of the reply, for a model that has to be told."""
    form = "".join(f"{each.opening}…{each.closing}" for each in segments)
    parts = [f"Write your reply in exactly this form, with nothing around it: {form}"]
    for each in segments:
        tag = each.opening.strip("<>")
        if each.words is None:
            parts.append(f"In {tag}: a few sentences of thought, step by step.")
        else:
            parts.append(
                f"In {tag}: about {each.words} words of prose that go on from the story's very "
                "end, in its voice and language; no comment, no heading."
            )
        if each.prefix:
            parts.append(f"Begin {tag} with: {each.prefix}")
    return "\n".join(parts)


def _sampling(sampling: Sampling, manner: Manner) -> dict[str, Any]:
    """How tokens are drawn, as far as this server knows it; what changes nothing is left out."""
    body: dict[str, Any] = {"temperature": sampling.temperature}
    if sampling.top_p < 1:
        body["top_p"] = sampling.top_p
    if not manner.extras:
        return body
    body["seed"] = sampling.seed
    if sampling.top_k > 0:
        body["top_k"] = sampling.top_k
    if sampling.min_p > 0:
        body["min_p"] = sampling.min_p
    if sampling.repeat_penalty != 1:
        # vLLM and OpenRouter know the first name; llama-server and LM Studio the second.
        if manner.kind != "llama-server":
            body["repetition_penalty"] = sampling.repeat_penalty
        if manner.kind != "vllm":
            body["repeat_penalty"] = sampling.repeat_penalty
    if manner.kind == "llama-server":
        body |= {
            "repeat_last_n": sampling.repeat_last_n,
            "dry_multiplier": sampling.dry_multiplier,
            "dry_base": sampling.dry_base,
            "dry_allowed_length": sampling.dry_allowed_length,
            "dry_penalty_last_n": sampling.dry_last_n,
            "xtc_probability": sampling.xtc_probability,
            "xtc_threshold": sampling.xtc_threshold,
        }
    return body


def begun_of(plans: Sequence[SegmentPlan], texts: Sequence[str]) -> str:
    """What stands of a reply: finished segments, then the opening of the next.

    Args:
        plans: the reply's segments.
        texts: of the finished ones, their prefixes included.
    """
    done = "".join(
        plan.opening + plan.lead + text + plan.closing
        for plan, text in zip(plans, texts, strict=False)
    )
    return done + opening_of(plans[len(texts)])
