"""A server that is spoken to: requests, further tries, redirects."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from storytui.engine.api import ConsentNeededError, EngineError
from storytui.engine.remote.address import Address, is_her_own, parse_address, redirected
from storytui.engine.remote.connection import Connected, Exchange, Failed, Head, Left
from storytui.engine.remote.errors import (
    ReplyBrokeOffError,
    own_words,
    refusal,
    retried,
    wait_asked,
)
from storytui.engine.remote.key import Key
from storytui.engine.remote.request import RemoteConfig
from storytui.engine.remote.stream import Delta, EventReader, StreamError, error_in, read_delta

MOST_ERROR = 64 * 1024
"""Bytes of a refusal that are read."""
MOST_ANSWER = 32 * 1024 * 1024
"""Bytes of an answer that is no stream; the longest list of models has one megabyte."""
MOST_REDIRECTS = 3
USAGE_SECONDS = 2.0
"""How long a complete reply is waited on for what it cost."""


class Call:
    """What one caller asks, in one request after another, until it is stopped."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._exchange: Exchange | None = None
        self._stopped = threading.Event()

    @property
    def stopped(self) -> bool:
        """Whether nothing more is wanted."""
        return self._stopped.is_set()

    def hold(self, exchange: Exchange) -> None:
        """A request is under way."""
        with self._lock:
            self._exchange = exchange
            if self.stopped:
                exchange.leave()

    def leave(self) -> None:
        """Close the connection of the request that is under way, if one is."""
        with self._lock:
            exchange, self._exchange = self._exchange, None
        if exchange is not None:
            exchange.leave()

    def stop(self) -> None:
        """Ask for nothing more, and close the connection at once."""
        self._stopped.set()
        self.leave()

    def wait(self, seconds: float) -> None:
        """Let time pass, unless it is stopped."""
        self._stopped.wait(seconds)


class StoppedError(Exception):
    """The call was stopped."""


class RefusedError(Exception):
    """A server refused a request that may be asked in another way."""

    def __init__(self, words: str, error: EngineError) -> None:
        """Keep what it said, and the error that this is if there is no other way."""
        super().__init__("refused")
        self.words = words
        self.error = error


class Server:
    """Somebody else's server."""

    def __init__(self, config: RemoteConfig, key: Key, *, consented: Callable[[], bool]) -> None:
        """Nothing is sent yet.

        Args:
            config: its address, and how long it is waited for.
            key: is sent to its address only.
            consented: says whether she agreed that story text is sent to an address not her own;
                asked before each request, since she may take it back.

        Raises:
            EngineError: the address is none.
        """
        self.address = parse_address(config.base_url)
        self.own = is_her_own(self.address.host)
        self._config = config
        self._key = key
        self._consented = consented

    @property
    def name(self) -> str:
        """As a sentence names it."""
        return f"The server {self.address.shown}"

    def check(self) -> None:
        """Whether anything may be sent there at all.

        Raises:
            ConsentNeededError: it is not her own, and she has not agreed.
            EngineError: the key would travel for everybody to read.
        """
        if self.own or self._consented():
            if not self.own:
                self._protect_key()
            return
        raise ConsentNeededError(self.address.host)

    def _allow(self, number: str) -> None:
        """Whether a number that the name stands for may be sent to: `nas` may be anybody's."""
        if is_her_own(number):
            return
        if not self._consented():
            raise ConsentNeededError(self.address.host)
        self._protect_key()

    def _protect_key(self) -> None:
        if self._key.present and self.address.scheme == "http":
            raise EngineError(
                f"The key for {self.address.shown} would travel unprotected; write its address "
                "with https."
            )

    # --- requests ---------------------------------------------------------------------------------

    def stream(self, call: Call, path: str, body: Mapping[str, Any]) -> Iterator[Delta]:
        """A reply as it comes; its last event has `finish` or `done`, or what it cost.

        Raises:
            StoppedError: the call was stopped.
            RefusedError: the request may be asked in another way.
            ReplyBrokeOffError: the stream ended before the reply did.
            EngineError: there is no reply.
        """
        exchange, head = self._open(call, "POST", self.address.api + path, body)
        if head.status != 200:
            words = self._words(exchange, call)
            error = self._refusal(head, words)
            if head.status in (400, 422):
                raise RefusedError(words, error)
            raise error
        yield from self._deltas(call, exchange)

    def _deltas(self, call: Call, exchange: Exchange) -> Iterator[Delta]:
        reader = EventReader()
        texts = complete = False
        while True:
            between = self._config.time_outs.between if texts else self._config.time_outs.first
            came = exchange.wait(USAGE_SECONDS if complete else between)
            if isinstance(came, Left) or call.stopped:
                raise StoppedError
            last = not isinstance(came, bytes)
            for data in self._events(reader, came):
                try:
                    delta = read_delta(data)
                except StreamError as error:
                    if last:
                        # A line that was cut off.
                        continue
                    raise EngineError(f"{self.name} {error}; check its address.") from None
                if delta.error:
                    self._raise_in_stream(delta, texts)
                texts = texts or bool(delta.text or delta.thought)
                complete = complete or bool(delta.finish) or delta.done
                yield delta
                if call.stopped:
                    raise StoppedError
                if delta.done:
                    return
            if last and complete:
                return
            if last:
                self._raise_broken_off(came, between, texts)

    def _events(self, reader: EventReader, came: object) -> list[str]:
        try:
            return reader.feed(came) if isinstance(came, bytes) else reader.close()
        except StreamError as error:
            raise EngineError(f"{self.name} {error}.") from None

    def _raise_in_stream(self, delta: Delta, texts: bool) -> None:
        words = own_words(delta.error, self._key.text)
        if not texts and delta.status:
            raise self._refusal(Head(delta.status, {}), words)
        raise ReplyBrokeOffError(f"{self.name} broke the reply off and says: “{words}”")

    def _raise_broken_off(self, came: object, waited: float, texts: bool) -> None:
        if came is None:
            how = f"has sent nothing for {waited:g} seconds"
        else:
            how = came.how if isinstance(came, Failed) else "ended the reply before its end"
        kept = " What came of the reply is kept." if texts else ""
        raise ReplyBrokeOffError(f"{self.name} {how}.{kept} Ask again for another.")

    def ask(self, call: Call, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """A small question: the JSON that answers it, or None where the server has none.

        Raises:
            StoppedError: the call was stopped.
            EngineError: the server cannot be reached, or does not accept the key.
        """
        exchange, head = self._open(call, "GET" if body is None else "POST", path, body)
        if head.status in (401, 402, 403) or retried(head.status):
            raise self._refusal(head, self._words(exchange, call))
        if head.status != 200:
            call.leave()
            return None
        raw = self._whole(exchange, call, MOST_ANSWER)
        try:
            return json.loads(raw)
        except (ValueError, RecursionError):
            return None

    def _open(
        self, call: Call, method: str, path: str, body: Mapping[str, Any] | None
    ) -> tuple[Exchange, Head]:
        """Send a request until an answer begins that is to be read."""
        address = self.address
        delays = list(self._config.retries)
        redirects = 0
        while not call.stopped:
            self.check()
            exchange = self._send(call, address, method, path, body)
            head = self._head(call, exchange)
            if isinstance(head, Failed):
                if not head.refused or not delays:
                    raise EngineError(f"{self.name} {head.how}.")
                call.wait(delays.pop(0))
            elif head.status in (301, 302, 307, 308):
                call.leave()
                to = redirected(address, path, head.headers.get("location", ""))
                redirects += 1
                if to is None or redirects > MOST_REDIRECTS:
                    raise self._elsewhere(head)
                address, path = to
            elif retried(head.status) and delays:
                asked = wait_asked(head.headers) or 0.0
                if asked > self._config.longest_wait:
                    return exchange, head
                call.leave()
                call.wait(max(asked, delays.pop(0)))
            else:
                return exchange, head
        raise StoppedError

    def _send(
        self,
        call: Call,
        address: Address,
        method: str,
        path: str,
        body: Mapping[str, Any] | None,
    ) -> Exchange:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        exchange = Exchange(
            address,
            method,
            path,
            headers=headers | self._key.headers(),
            body=None if body is None else _encoded(body),
            time_outs=self._config.time_outs,
            allow=self._allow,
        )
        call.hold(exchange)
        return exchange

    def _head(self, call: Call, exchange: Exchange) -> Head | Failed:
        """The beginning of an answer, or why there is none."""
        # The thread ends each try to connect itself; this is for names that are looked up in vain.
        seconds = self._config.time_outs.connect * 6
        while True:
            came = exchange.wait(seconds)
            if isinstance(came, Left) or call.stopped:
                raise StoppedError
            match came:
                case Connected():
                    seconds = self._config.time_outs.first
                case Head():
                    return came
                case Failed():
                    if came.error is not None:
                        raise came.error
                    return came
                case None:
                    call.leave()
                    return Failed(f"has not answered for {seconds:g} seconds")
                case _:
                    return Failed("did not answer as a web server does; check the address")

    def _whole(self, exchange: Exchange, call: Call, most: int) -> bytes:
        """The body of an answer, up to so many bytes; as much as comes."""
        pieces: list[bytes] = []
        size = 0
        while size < most:
            came = exchange.wait(self._config.time_outs.between)
            if isinstance(came, Left) or call.stopped:
                raise StoppedError
            if not isinstance(came, bytes):
                break
            pieces.append(came)
            size += len(came)
        call.leave()
        return b"".join(pieces)[:most]

    # --- refusals ---------------------------------------------------------------------------------

    def _words(self, exchange: Exchange, call: Call) -> str:
        """What a server says about its refusal, fit to be shown."""
        raw = self._whole(exchange, call, MOST_ERROR).decode("utf-8", "replace")
        try:
            words, _ = error_in(json.loads(raw))
        except (ValueError, RecursionError):
            # A page of a proxy says nothing that helps.
            words = "" if raw.lstrip().startswith("<") else raw
        return own_words(words, self._key.text)

    def _refusal(self, head: Head, words: str) -> EngineError:
        return refusal(
            self.name,
            head.status,
            words,
            model=self._config.model,
            key_variable=self._config.key_variable,
            has_key=self._key.present,
            wait=wait_asked(head.headers),
        )

    def _elsewhere(self, head: Head) -> EngineError:
        to = own_words(head.headers.get("location", "nowhere"), self._key.text)
        return EngineError(
            f"{self.name} sends requests on to {to} ({head.status}), and nothing was sent there; "
            "put the right address into the settings."
        )


def _encoded(body: Mapping[str, Any]) -> bytes:
    # ASCII, and what is no character of its own is not sent on.
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
