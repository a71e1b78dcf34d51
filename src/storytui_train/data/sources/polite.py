"""Asking servers of books for something, politely: one request at a time, with time between them.

Every request that leaves goes through one transport: repeated ones and redirected ones too. So
none comes sooner after the last one to its host than it should, and none goes to a host that does
not want programs.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import getproxies, proxy_bypass

import httpx
from httpx_retries import Retry, RetryTransport

from storytui import __version__
from storytui.story.visible import visible
from storytui_train.data.sources.pace import Clock, WallClock
from storytui_train.errors import RecipeError, SourceError, UnreachableError

CLOSED_TO_PROGRAMS = ("gutenberg.org", "www.gutenberg.org", "m.gutenberg.org")
"""The web site is for people: https://www.gutenberg.org/policy/robot_access.html."""
MIRRORS_ADVICE = (
    "https://aleph.gutenberg.org, https://gutenberg.pglaf.org, rsync://aleph.gutenberg.org/"
    "gutenberg, or one near you of https://www.gutenberg.org/MIRRORS.ALL"
)
ATTEMPTS = 4
"""Of one request that a server is too busy for, or that does not reach it."""
LONGEST_WAIT = 300.0
"""Seconds that a server may have us wait before an attempt, as it says in Retry-After."""
REDIRECTS = 5
CONNECT_SECONDS, READ_SECONDS = 20.0, 60.0


class ClosedHostError(httpx.RequestError):
    """A request would have gone to a host that does not want programs."""


class _Paced(httpx.BaseTransport):
    """Sends requests one by one, each a while after the last one to its host."""

    def __init__(self, seconds_between: float, clock: Clock, sent: Counter[str]) -> None:
        self._between = seconds_between
        self._clock = clock
        self._sent = sent
        self._last: dict[str, float] = {}
        self._ways: dict[str, httpx.HTTPTransport] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host.lower().rstrip(".")
        if host in CLOSED_TO_PROGRAMS:
            raise ClosedHostError(f"{host} is not for programs", request=request)
        if host in self._last:
            wait = self._last[host] + self._between - self._clock.now()
            if wait > 0:
                self._clock.sleep(wait)
        self._sent[host] += 1
        try:
            return self._way(request.url).handle_request(request)
        finally:
            self._last[host] = self._clock.now()

    def close(self) -> None:
        for way in self._ways.values():
            way.close()

    def _way(self, url: httpx.URL) -> httpx.HTTPTransport:
        """Straight, or through the proxy that the environment names for it."""
        proxies = getproxies()
        proxy = proxies.get(url.scheme) or proxies.get("all") or ""
        if proxy and proxy_bypass(url.host):
            proxy = ""
        if proxy and "://" not in proxy:
            proxy = f"http://{proxy}"
        if proxy not in self._ways:
            self._ways[proxy] = httpx.HTTPTransport(proxy=proxy or None)
        return self._ways[proxy]


class Polite:
    """A client for one run; close it, or use it in `with`."""

    def __init__(
        self, *, seconds_between: float, contact: str = "", clock: Clock | None = None
    ) -> None:
        """Make one.

        Args:
            seconds_between: from the end of one request to the next one to the same host.
            contact: an address for the server's keeper.
            clock: what waiting goes by; None: the time that passes.

        Raises:
            RecipeError: the contact has characters that no header may have.
        """
        if not (contact.isascii() and contact.isprintable()):
            raise RecipeError("The contact in the recipe has to be an address in plain ASCII.")
        waiting = clock or WallClock()
        self.sent: Counter[str] = Counter()
        """How many requests went to each host, repeated and redirected ones among them."""

        class Patient(Retry):
            """Waits by our clock: as long as the server says, or a little longer each time."""

            def sleep(self, response: httpx.Response | Exception) -> None:
                headers = response.headers if isinstance(response, httpx.Response) else {}
                waiting.sleep(self._calculate_sleep(headers))

        retry = Patient(
            total=ATTEMPTS - 1,
            backoff_factor=1.0,
            backoff_jitter=0.0,
            max_backoff_wait=LONGEST_WAIT,
            retry_on_exceptions=(
                *(httpx.ConnectError, httpx.TimeoutException),
                *(httpx.ReadError, httpx.RemoteProtocolError),
            ),
        )
        about = f"; {contact}" if contact else ""
        self._client = httpx.Client(
            transport=RetryTransport(_Paced(seconds_between, waiting, self.sent), retry),
            headers={
                "User-Agent": f"storytui-train/{__version__} (training data{about})",
                # A packed answer could not be gone on with in its middle.
                "Accept-Encoding": "identity",
            },
            follow_redirects=True,
            max_redirects=REDIRECTS,
            timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        )

    def __enter__(self) -> "Polite":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    @contextmanager
    def asking(self, url: str, headers: dict[str, str] | None = None) -> Iterator[httpx.Response]:
        """An answer whose body is not read yet.

        Args:
            url: http:// or https://.
            headers: more of them.

        Raises:
            UnreachableError: the server cannot be reached or does not answer.
            SourceError: the request cannot be sent, or leads elsewhere without end.
            RecipeError: the address is that of the web site, or no address.
        """
        shown = visible(url, newlines=False)
        try:
            with self._client.stream("GET", url, headers=headers) as response:
                yield response
        except ClosedHostError as error:
            raise RecipeError(closed(shown)) from error
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise RecipeError(
                f"{shown} is no address; write it as https://… or rsync://… in the recipe."
            ) from error
        except httpx.TooManyRedirects as error:
            raise SourceError(f"{shown} leads from one address to the next without end.") from error
        except (httpx.TimeoutException, httpx.NetworkError, httpx.ProxyError) as error:
            raise UnreachableError(
                f"{visible(_host(url), newlines=False)} does not answer ({_why(error)}); see "
                "whether the network is there, try later, or name another mirror."
            ) from error
        except httpx.RequestError as error:
            raise SourceError(f"{shown} did not come ({_why(error)}).") from error


def refuse_closed(url: str) -> None:
    """Say no to an address that is not for programs, before anything is asked.

    Raises:
        RecipeError: it is the web site's.
    """
    if _host(url).lower().rstrip(".") in CLOSED_TO_PROGRAMS:
        raise RecipeError(closed(visible(url, newlines=False)))


def closed(shown: str) -> str:
    """What is said where the web site would be asked."""
    return (
        f"{shown} belongs to Project Gutenberg's web site, which is for people; programs that "
        f"fetch many books from it are blocked. Name a mirror in the recipe: {MIRRORS_ADVICE}."
    )


def _host(url: str) -> str:
    try:
        return httpx.URL(url).host or url
    except httpx.InvalidURL:
        return url


def _why(error: Exception) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "nothing came in time"
    return visible(str(error)[:200], newlines=False) or type(error).__name__
