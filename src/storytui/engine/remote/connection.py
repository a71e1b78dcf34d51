"""One HTTP request to a server, whose answer arrives in pieces and can be left at any moment.

The standard library's client, in a thread of its own: what waits for the answer waits at a queue,
so that it can be woken in every phase (while a name is looked up, while the server thinks, in
mid-stream), and the socket is in our hands, so that a request that is given up is cut off at once
and the server stops writing. The larger clients hide the socket until an answer has begun.
"""

import http.client
import queue
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from storytui.engine.api import EngineError
from storytui.engine.remote.address import Address
from storytui.engine.remote.proxy import Proxy, proxy_for

_PIECE = 65536
_MOST_HEAD = 65536
"""Bytes that a proxy may say before the connection stands."""
_HEADERS = {
    "Accept": "text/event-stream, application/json",
    "Connection": "close",
    "User-Agent": "storytui",
}


@dataclass(frozen=True, slots=True)
class TimeOuts:
    """How long a server is waited for, in seconds."""

    connect: float = 10.0
    first: float = 300.0
    """For the first text of a reply, since the last byte: a long prompt is read before it."""
    between: float = 60.0
    """Between two pieces, once text has come."""


@dataclass(frozen=True, slots=True)
class Connected:
    """The connection stands and the request is under way."""


@dataclass(frozen=True, slots=True)
class Head:
    """The answer begins."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    """Their names in lower case."""


@dataclass(frozen=True, slots=True)
class End:
    """The answer is over as HTTP counts it."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Nothing more comes."""

    how: str
    """Completes `The server …`, or is a whole sentence behind it."""
    refused: bool = False
    """Whether there was nobody to connect to, so that nothing was sent."""
    error: EngineError | None = None
    """What `allow` raised."""


@dataclass(frozen=True, slots=True)
class Left:
    """The request was given up by `Exchange.leave`."""


class _BehindProxyError(Exception):
    """The proxy in between does not lead to the server; completes `The server …`."""


Came = Connected | Head | bytes | End | Failed | Left


class Exchange:
    """A request that is under way, and what comes of it."""

    def __init__(
        self,
        address: Address,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None,
        time_outs: TimeOuts,
        allow: Callable[[str], None],
    ) -> None:
        """Send it.

        Args:
            address: of the server.
            method: `GET` or `POST`.
            path: what is asked for, with its first slash.
            headers: besides the usual ones.
            body: JSON, if any.
            time_outs: for the connection; the others are watched by who waits.
            allow: is asked with each number that the server's name stands for before there is a
                connection to it; raises an EngineError where nothing must be sent there.
        """
        self._address = address
        self._request = method, path, body, {**_HEADERS, **headers}
        self._time_outs = time_outs
        self._allow = allow
        self._came: queue.SimpleQueue[Came] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._left = False
        # A daemon: a name that is looked up in vain must not hold up the end of the program.
        threading.Thread(target=self._run, name="remote", daemon=True).start()

    def wait(self, seconds: float) -> Came | None:
        """What comes next; None where nothing came in this time."""
        try:
            return self._came.get(timeout=max(0.0, seconds))
        except queue.Empty:
            return None

    def leave(self) -> None:
        """Give the request up and close the connection at once; from any thread."""
        with self._lock:
            self._left = True
            if self._socket is not None:
                _shut(self._socket)
        self._came.put(Left())

    # --- in its thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._came.put(self._exchange())
        except EngineError as error:
            self._came.put(Failed("", error=error))
        except _BehindProxyError as error:
            self._came.put(Failed(str(error)))
        except ConnectionRefusedError:
            self._came.put(Failed("does not answer; start it, or check the address", refused=True))
        except socket.gaierror:
            self._came.put(Failed("is not known by that name; check the address"))
        except ssl.SSLCertVerificationError as error:
            self._came.put(Failed(_distrusted(error)))
        except ssl.SSLError:
            self._came.put(Failed("does not speak https as it should; check the address"))
        except TimeoutError:
            self._came.put(Failed("did not answer in time; try again, or check the address"))
        except http.client.IncompleteRead:
            self._came.put(Failed("broke the connection off"))
        except http.client.HTTPException:
            self._came.put(Failed("did not answer as a web server does; check the address"))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None)
            self._came.put(Failed(f"broke the connection off ({reason or 'it is closed'})"))
        finally:
            with self._lock:
                taken, self._socket = self._socket, None
            if taken is not None:
                taken.close()

    def _exchange(self) -> Came:
        connection = http.client.HTTPConnection(self._address.host, self._address.port)
        connection.default_port = {"http": 80, "https": 443}[self._address.scheme]
        proxy = proxy_for(self._address)
        connection.sock = self._connect(proxy)
        try:
            method, path, body, headers = self._request
            if proxy is not None and self._address.scheme == "http":
                path = f"http://{self._address.shown}{path}"
                headers = {**headers, **proxy.headers}
            self._came.put(Connected())
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            self._came.put(Head(response.status, _lowered(response)))
            while piece := response.read1(_PIECE):
                self._came.put(piece)
            return End()
        except http.client.RemoteDisconnected:
            return Failed("broke the connection off before it answered")
        finally:
            connection.close()

    def _connect(self, proxy: Proxy | None) -> socket.socket:
        """A connection to the first of the server's numbers that takes one, or through a proxy."""
        if proxy is not None:
            try:
                return self._connect_to_first(proxy.host, proxy.port, proxy)
            except ssl.SSLError:
                raise
            except OSError as error:
                raise _BehindProxyError(
                    f"is behind the proxy {proxy.shown}, which does not answer; check "
                    f"{self._address.scheme.upper()}_PROXY"
                ) from error
        return self._connect_to_first(self._address.host, self._address.port, None)

    def _connect_to_first(self, host: str, port: int, proxy: Proxy | None) -> socket.socket:
        problem: OSError = ConnectionRefusedError()
        for family, kind, _, _, to in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            if proxy is None:
                self._allow(str(to[0]))
            try:
                return self._connect_to(family, kind, to, proxy)
            except ssl.SSLError:
                raise
            except OSError as error:
                problem = error
        raise problem

    def _connect_to(self, family: int, kind: int, to: Any, proxy: Proxy | None) -> socket.socket:
        plain = self._hold(socket.socket(family, kind))
        plain.settimeout(self._time_outs.connect)
        plain.connect(to)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        held = plain
        if self._address.scheme == "https":
            if proxy is not None:
                _ask_through(plain, proxy, self._address)
            wrapped = ssl.create_default_context().wrap_socket(
                plain, server_hostname=self._address.host, do_handshake_on_connect=False
            )
            held = self._hold(wrapped)
            wrapped.do_handshake()
        with self._lock:
            if self._left:
                raise OSError("left")
        # Who waits looks at the clock; this only ends a thread that nobody waits for.
        held.settimeout(max(self._time_outs.first, self._time_outs.between))
        return held

    def _hold(self, taken: socket.socket) -> socket.socket:
        """Make a socket known to `leave`, which may have come before."""
        with self._lock:
            before, self._socket = self._socket, taken
            if before is not None:
                before.close()
            if self._left:
                raise OSError("left")
        return taken


def _lowered(response: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.getheaders()}


def _ask_through(plain: socket.socket, proxy: Proxy, address: Address) -> None:
    """Have a proxy connect through to a server (RFC 9110, 9.3.6)."""
    host = f"[{address.host}]" if ":" in address.host else address.host
    to = f"{host}:{address.port}"
    lines = [f"CONNECT {to} HTTP/1.1", f"Host: {to}"]
    lines += [f"{name}: {value}" for name, value in proxy.headers.items()]
    plain.sendall("\r\n".join([*lines, "", ""]).encode("ascii", "replace"))
    head = b""
    while b"\r\n\r\n" not in head:
        # Byte by byte: what comes behind belongs to the server.
        byte = plain.recv(1)
        if not byte or len(head) >= _MOST_HEAD:
            raise _BehindProxyError(
                f"is behind the proxy {proxy.shown}, which does not answer as a proxy does"
            )
        head += byte
    status = head.split(b" ", 2)[1:2]
    if status == [b"407"]:
        raise _BehindProxyError(
            f"is behind the proxy {proxy.shown}, which wants a name and a password; write "
            "HTTPS_PROXY like http://name:password@proxy:3128"
        )
    if not (status and status[0].startswith(b"2")):
        said = status[0][:3].decode("ascii", "replace") if status else "no status"
        raise _BehindProxyError(
            f"is behind the proxy {proxy.shown}, which does not let requests through to it ({said})"
        )


_WRONG_NAME = {62, 64}
"""OpenSSL's X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH."""
_WRONG_TIME = {9, 10}
"""OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED."""


def _distrusted(error: ssl.SSLCertVerificationError) -> str:
    """Why a server's certificate is not taken, and what to do; completes `The server …`."""
    if error.verify_code in _WRONG_NAME:
        return "has a certificate for another name; check the address"
    if error.verify_code in _WRONG_TIME:
        return "has a certificate that is not valid today; check this machine's date, or tell them"
    return (
        f"has a certificate that is not trusted here ({error.verify_message}); put the file of its "
        "authority into the environment variable SSL_CERT_FILE"
    )


def _shut(taken: socket.socket) -> None:
    """End a connection that another thread may be waiting at.

    The socket stays open for that thread, which closes it: another file could else get its number.
    """
    try:
        # Not SSLSocket's own, which takes the cipher away from under a thread that reads.
        socket.socket.shutdown(taken, socket.SHUT_RDWR)
    except OSError:
        # It is not connected yet; `_hold` or its time-out ends it.
        return
