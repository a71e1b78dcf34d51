"""What a server says of itself: its models, its context, and which program it is.

Asked are `/v1/models`, which all have, and of servers of her own what their own APIs add:
llama-server's `/props`, LM Studio's `/api/v0/models`, Ollama's `/api/ps`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from storytui.engine.api import EngineError
from storytui.engine.remote.errors import own_words
from storytui.engine.remote.request import Kind, RemoteConfig
from storytui.engine.remote.server import Call, Server

DEFAULT_CONTEXT = 4096
"""Tokens where a server says nothing: Ollama's default."""
_MANY = 8
"""Names of models that a message lists."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a server says of itself."""

    model: str
    kind: Kind
    context: int
    """Tokens of context that a request may use."""
    counts: bool
    """Whether it has llama-server's `/tokenize`, and is near enough to be asked."""


def look(server: Server, config: RemoteConfig, call: Call) -> Found:
    """Find out which models a server has and what they are served with.

    Raises: as `Server.ask`, and EngineError where there is no model, or a choice of several.
    """
    entries = _entries(server.ask(call, server.address.api + "/models"))
    model = config.model or _only_model(server, entries)
    entry: Mapping[str, Any] = next((each for each in entries if each["id"] == model), {})
    if not entry and len(entries) == 1:
        entry = entries[0]
    kind, context = _said_by(entry)
    # Servers elsewhere are asked nothing that is no part of the common API.
    if server.own and kind != "vllm":
        said = _props(server, call)
        if said is not None:
            kind, context = "llama-server", said or context
    if server.own and not context:
        context = _context_by_others(server, call, model)
    context = config.context or context or DEFAULT_CONTEXT
    usable = max(1, context - config.thinking_tokens)
    return Found(model, kind, usable, counts=server.own and kind == "llama-server")


def _only_model(server: Server, entries: list[dict[str, Any]]) -> str:
    names = [str(each["id"]) for each in entries]
    if len(names) == 1:
        return names[0]
    if not names:
        raise EngineError(
            f"{server.name} does not say which models it has; name one in the settings."
        )
    shown = ", ".join(own_words(each, "") for each in names[:_MANY])
    more = f" and {len(names) - _MANY} more" if len(names) > _MANY else ""
    raise EngineError(f"{server.name} has several models; name one in the settings: {shown}{more}.")


def _props(server: Server, call: Call) -> int | None:
    """Tokens of context of a llama-server; None where it is none, 0 where it does not say."""
    props = server.ask(call, server.address.root + "/props")
    settings = props.get("default_generation_settings") if isinstance(props, dict) else None
    return _number(settings.get("n_ctx")) if isinstance(settings, dict) else None


def _context_by_others(server: Server, call: Call, model: str) -> int:
    """Tokens of context by LM Studio's or Ollama's own API; 0 where neither says."""
    for path, list_name, field in (
        ("/api/v0/models", "data", "loaded_context_length"),
        ("/api/ps", "models", "context_length"),
    ):
        answer = server.ask(call, server.address.root + path)
        entries = answer.get(list_name) if isinstance(answer, dict) else None
        for entry in entries if isinstance(entries, list) else ():
            if isinstance(entry, dict) and _same(entry.get("id") or entry.get("name"), model):
                return _number(entry.get(field))
    return 0


def _same(name: object, model: str) -> bool:
    """Whether two names are of one model; Ollama leaves `:latest` out at times."""
    return str(name).removesuffix(":latest") == model.removesuffix(":latest")


def _entries(listed: Any) -> list[dict[str, Any]]:
    data = listed.get("data") if isinstance(listed, dict) else None
    entries = data if isinstance(data, list) else []
    return [each for each in entries if isinstance(each, dict) and isinstance(each.get("id"), str)]


def _said_by(entry: Mapping[str, Any]) -> tuple[Kind, int]:
    """What the server is, and its tokens of context, by an entry of its list of models.

    vLLM says `max_model_len`, OpenRouter `context_length`, llama-server `meta.n_ctx`.
    """
    meta = entry.get("meta")
    meta = meta if isinstance(meta, dict) else {}
    said = entry.get("max_model_len"), entry.get("context_length"), meta.get("n_ctx")
    context = next(filter(None, map(_number, said)), 0)
    if entry.get("owned_by") == "vllm":
        return "vllm", context
    if entry.get("owned_by") == "llamacpp":
        return "llama-server", context
    return "other", context


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
