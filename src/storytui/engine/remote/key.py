"""The key to a server: read where she keeps it, and shown to nobody."""

import importlib
import os

from storytui.engine.api import EngineError
from storytui.engine.remote.request import RemoteConfig

SERVICE = "storytui"
"""The name under which the system's keyring keeps keys; the user's name there is the host."""


USUAL_VARIABLES = {
    "api.openai.com": "OPENAI_API_KEY",
    "openrouter.ai": "OPENROUTER_API_KEY",
    "api.mistral.ai": "MISTRAL_API_KEY",
    "api.together.xyz": "TOGETHER_API_KEY",
    "api.groq.com": "GROQ_API_KEY",
    "api.deepseek.com": "DEEPSEEK_API_KEY",
}
"""Environment variables that the services' own pages have their keys put into, by host."""


class Key:
    """A key that no `repr`, log or message shows."""

    __slots__ = ("_text",)

    def __init__(self, text: str = "") -> None:
        """Take a key; empty: there is none."""
        self._text = text

    def __repr__(self) -> str:
        return "Key(…)" if self._text else "Key()"

    @property
    def present(self) -> bool:
        """Whether there is one."""
        return bool(self._text)

    @property
    def text(self) -> str:
        """The key itself: to find it in what is shown, and leave it out there."""
        return self._text

    def headers(self) -> dict[str, str]:
        """What a request carries (RFC 6750, 2.1)."""
        return {"Authorization": f"Bearer {self._text}"} if self._text else {}


def usual_variable(host: str) -> str:
    """The environment variable that usually holds the key to a host; empty: none is known."""
    return USUAL_VARIABLES.get(host.lower().removesuffix("."), "")


def read_key(config: RemoteConfig, host: str) -> Key:
    """The key to a server: from the environment variable that is named, or the keyring.

    Args:
        config: says where.
        host: under whose name a keyring keeps it.

    Raises:
        EngineError: a variable is named that is not set, holds no key, or no keyring is there.
    """
    name = config.key_variable
    text = os.environ.get(name, "").strip() if name else ""
    where = f"The environment variable {name}"
    if not text and config.keyring:
        where = f"The keyring's entry for {SERVICE} and {host}"
        text = _from_keyring(host).strip()
    elif not text and name:
        raise EngineError(f"{where} is not set; put the key to {host} into it.")
    if not all("!" <= each <= "~" for each in text):
        raise EngineError(f"{where} holds characters that no key has; put the key in anew.")
    return Key(text)


def _from_keyring(host: str) -> str:
    try:
        # An optional package, and one without types.
        keyring = importlib.import_module("keyring")
    except ImportError:
        raise EngineError(
            "The settings ask for a key from the keyring, and the package keyring is not "
            "installed. Install it, or name an environment variable."
        ) from None
    try:
        found: str | None = keyring.get_password(SERVICE, host)
    except Exception:  # noqa: BLE001 - its back ends raise what the system gives them
        # A message may hold what was asked for.
        raise EngineError(
            "The keyring cannot be read. Unlock it, or name an environment variable."
        ) from None
    return found or ""
