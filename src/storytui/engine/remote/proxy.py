"""The proxy between here and a server, where the environment or the system names one.

Servers of her own are always reached directly: what is sent to them is to reach nobody else.
"""

import base64
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from storytui.engine.api import EngineError
from storytui.engine.remote.address import Address, is_her_own


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where a proxy listens."""

    host: str
    port: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What it wants to be told: a name and a password, perhaps (RFC 7617)."""

    @property
    def shown(self) -> str:
        """The proxy as a sentence names it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def proxy_for(address: Address) -> Proxy | None:
    """The proxy that a server is to be reached through; None: there is none between.

    HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY count, in capitals or not, else what the system
    says on Windows and macOS.

    Raises:
        EngineError: one is named that cannot be used.
    """
    if is_her_own(address.host):
        return None
    named = urllib.request.getproxies()
    text = named.get(address.scheme) or named.get("all")
    if not text or urllib.request.proxy_bypass(f"{address.host}:{address.port}"):
        return None
    return _parsed(text.strip(), address.scheme)


def _parsed(text: str, scheme: str) -> Proxy:
    variable = f"{scheme.upper()}_PROXY"
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname or "", parts.port or 80
    except ValueError:
        host, port, parts = "", 0, urlsplit("http://")
    # What was written is not shown: it may hold a password.
    if parts.scheme != "http":
        raise EngineError(
            f"The proxy for {scheme} is one that storytui does not know how to use "
            f"({parts.scheme}); name one like http://proxy:3128 in {variable}."
        )
    if not host or any(map(str.isspace, host)):
        raise EngineError(
            f"The proxy for {scheme} has no address; write {variable} like http://proxy:3128."
        )
    headers = {}
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        encoded = base64.b64encode(pair.encode()).decode()
        headers["Proxy-Authorization"] = f"Basic {encoded}"
    return Proxy(host, port, headers)
