"""What a server's refusal means, as a sentence that names the server and what to do. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from storytui.engine.api import EngineError, PromptTooLongError
from storytui.story.visible import visible

MOST_WORDS = 300
"""Characters of a server's own words that are shown."""
_TOO_LONG = ("context length", "context size", "context window", "maximum context", "n_ctx")


class ReplyBrokeOffError(EngineError):
    """A reply ended before it was complete; what came of it was given out."""


def retried(status: int) -> bool:
    """Whether a request that was refused with this status is sent again."""
    return status == 429 or 500 <= status <= 599


def wait_asked(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds that a server asks to be left alone: `Retry-After` (RFC 9110, 10.2.3), or None.

    Args:
        headers: of its answer, their names in lower case.
        now: the time.
    """
    said = headers.get("retry-after", "").strip()
    if not said:
        return None
    try:
        return max(0.0, float(said)) if said.lower() not in ("nan", "inf", "infinity") else None
    except ValueError:
        pass
    try:
        when = parsedate_to_datetime(said)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - (now or datetime.now(UTC))).total_seconds())


def own_words(words: str, key: str) -> str:
    """A server's own words as they may be shown: short, visible, and without the key."""
    if key:
        words = words.replace(key, "(the key)")
    words = visible(" ".join(words.split()), newlines=False)
    return words if len(words) <= MOST_WORDS else words[: MOST_WORDS - 1] + "…"


def refusal(
    server: str,
    status: int,
    words: str,
    *,
    model: str = "",
    key_variable: str = "",
    has_key: bool = False,
    wait: float | None = None,
) -> EngineError:
    """The error for an answer that is no reply.

    Args:
        server: as a sentence names it.
        status: of the answer.
        words: the server's own, fit to be shown.
        model: which was asked for.
        key_variable: the environment variable that the key is read from; empty: none is named.
        has_key: whether a key was sent.
        wait: seconds it asks to be left alone.
    """
    says = f" It says: “{words}”" if words else ""
    if status in (400, 413, 422) and any(each in words.lower() for each in _TOO_LONG):
        return PromptTooLongError(
            f"Story and reply are too long for {server} ({status}); set a smaller context for it, "
            f"or ask for fewer words.{says}"
        )
    where = f"the environment variable {key_variable}" if key_variable else "its settings"
    match status:
        case 400 | 413 | 422:
            what = f"{server} does not take the request ({status})."
        case 401 | 403 if has_key:
            what = f"{server} does not accept the key ({status}); check the one in {where}."
        case 401 | 403:
            what = f"{server} wants a key ({status}); put it into {where}."
            if not key_variable:
                what = (
                    f"{server} wants a key ({status}); put it into an environment variable and "
                    "name that variable in the settings."
                )
        case 402:
            what = f"{server} wants to be paid first ({status}); look at your account there."
        case 404 if model:
            what = (
                f"{server} knows no model {model!r}, or has nothing at this address ({status}); "
                "check both."
            )
        case 404:
            what = f"{server} has nothing at this address ({status}); check it."
        case 407:
            what = (
                f"{server} is behind a proxy that wants a name and a password ({status}); write "
                "HTTP_PROXY like http://name:password@proxy:3128."
            )
        case 408 | 504:
            what = f"{server} took too long ({status}); try again."
        case 429:
            when = f"in {wait:.0f} seconds" if wait else "in a while"
            what = f"{server} has had too many requests ({status}); try again {when}."
        case _ if 500 <= status <= 599:
            what = f"{server} has a fault of its own ({status}); try again, or look at its log."
        case _:
            what = f"{server} gave an answer that is no reply ({status}); check the address."
    return EngineError(what + says)
