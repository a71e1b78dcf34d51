"""The address of somebody else's server, and whether that server is her own. Pure."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from storytui.engine.api import EngineError

OWN_NETWORKS = tuple(
    map(
        ipaddress.ip_network,
        (
            *("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"),
            *("::1/128", "fc00::/7", "fe80::/10"),
        ),
    )
)
"""Loopback, private and link-local networks (RFC 1122, 1918, 3927, 4193, 4291)."""
_ENDPOINTS = ("/chat/completions", "/completions", "/models")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens."""

    scheme: str
    """`http` or `https`."""
    host: str
    """A name or a number, without the brackets of IPv6; lower case."""
    port: int
    api: str
    """The path that the API's own paths follow: `/v1`."""

    @property
    def root(self) -> str:
        """The path that a server's other paths follow, such as llama-server's `/props`."""
        return self.api.removesuffix("/v1")

    @property
    def shown(self) -> str:
        """The server as a sentence names it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = {"http": 80, "https": 443}[self.scheme]
        return host if self.port == usual else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The address in full; it holds no secret."""
        return f"{self.scheme}://{self.shown}{self.api}"


def parse_address(text: str) -> Address:
    """An address as she wrote it, or as a server's page shows it.

    `localhost:8080`, `http://nas:11434`, `https://openrouter.ai/api/v1` and the address of an
    endpoint below one are all taken; without a path it is `/v1`.

    Raises:
        EngineError: it is no such address, or holds a name and a password.
    """
    text = text.strip()
    # Not shown where it may hold a password.
    said = "this address" if "@" in text else f"{text!r}"
    if "://" not in text:
        text = f"http://{text}"
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").rstrip(), parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("http://")
    if parts.scheme not in ("http", "https") or not host or any(map(str.isspace, host)):
        raise EngineError(
            f"A server cannot be reached at {said}; write it like http://localhost:8080/v1."
        )
    if parts.username is not None or parts.password is not None:
        raise EngineError(
            f"The address of {host} holds a name or a password. Leave them out, and put the key "
            "into an environment variable."
        )
    path = parts.path.rstrip("/")
    for endpoint in _ENDPOINTS:
        path = path.removesuffix(endpoint)
    return Address(
        scheme=parts.scheme,
        host=host.lower(),
        port=port or (443 if parts.scheme == "https" else 80),
        api=path.rstrip("/") or "/v1",
    )


def redirected(address: Address, path: str, location: str) -> tuple[Address, str] | None:
    """Where a server's answer sends a request; None where that is another server.

    The same host over https counts as the same server; over http, after https, it does not.

    Args:
        address: the server that was asked.
        path: what it was asked for.
        location: what it says (RFC 9110, 10.2.2).
    """
    try:
        parts = urlsplit(urljoin(f"{address.scheme}://{address.shown}{path}", location))
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or host != address.host:
        return None
    if (address.scheme, parts.scheme) == ("https", "http"):
        return None
    port = port or (443 if parts.scheme == "https" else 80)
    upgraded = parts.scheme != address.scheme and (address.port, port) == (80, 443)
    if port != address.port and not upgraded:
        return None
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    return Address(parts.scheme, host, port, address.api), target or "/"


def is_her_own(address: str) -> bool:
    """Whether a server is a machine of her own, so that story text may be sent there unasked.

    That are loopback, private and link-local numbers, `localhost`, names under `.local` (RFC 6762)
    and names without dots, which only her own network can know.

    Args:
        address: a host, with or without a port, or a whole address.
    """
    host = _host_of(address)
    if not host:
        return False
    try:
        number = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return _is_own_name(host)
    mapped = getattr(number, "ipv4_mapped", None)
    number = mapped if mapped is not None else number
    return any(number in network for network in OWN_NETWORKS)


def _is_own_name(host: str) -> bool:
    # A trailing dot makes a name without other dots a top-level domain.
    if host.endswith("."):
        host = host[:-1]
        if "." not in host:
            return host == "localhost"
    if host == "localhost" or host.endswith((".localhost", ".local")):
        return True
    # `134744072` and `0x08080808` are numbers of hosts to most resolvers: 8.8.8.8 both.
    return "." not in host and ":" not in host and host[0].isalpha() and host.isascii()


def _host_of(address: str) -> str:
    address = address.strip()
    try:
        ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        pass
    else:
        return address
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        return parts.hostname or ""
    except ValueError:
        return ""
