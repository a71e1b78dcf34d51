"""A stand-in for somebody else's server, on 127.0.0.1: it plays what a test has written for it."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass(frozen=True)
class Answer:
    """What is answered: a status, headers, and a body in pieces."""

    pieces: Sequence[bytes | threading.Event] = ()
    """An event in their midst is waited for before the next piece is sent."""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    chunked: bool = True
    drops: bool = False
    """Whether the connection is closed where the body should go on."""
    silent: threading.Event | None = None
    """Waited for before anything is answered."""


def as_json(value: Any, status: int = 200, **headers: str) -> Answer:
    """An answer in JSON."""
    named = {name.replace("_", "-"): each for name, each in headers.items()}
    return Answer([json.dumps(value).encode()], status, named)


def models(*names: str, **more: Any) -> Answer:
    """A list of models."""
    return as_json({"object": "list", "data": [{"id": name, **more} for name in names]})


@dataclass
class StandIn:
    """The server: what it answers by path, and what it was asked."""

    port: int
    answers: dict[str, list[Answer]]
    asked: list[Asked] = field(default_factory=list)
    left: threading.Event = field(default_factory=threading.Event)
    """Set when a client closed a connection before its answer was complete."""
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def replies(self) -> list[Asked]:
        """What was asked of the model."""
        return [each for each in self.asked if each.path.endswith("completions")]

    def next_answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        waiting = self.answers.get(asked.path)
        if not waiting:
            return as_json({"error": {"message": f"no {asked.path} here"}}, 404)
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]


@contextmanager
def stand_in(
    *, tls: ssl.SSLContext | None = None, **answers: Answer | Sequence[Answer]
) -> Iterator[StandIn]:
    """A server that answers by the last word of the path: `models`, `completions`, `props`, …

    Several answers are given one after the other, the last of them from then on. With `tls` it
    speaks https.
    """
    paths = {
        "models": "/v1/models",
        "router_models": "/api/v1/models",
        "router_chat": "/api/v1/chat/completions",
        "chat": "/v1/chat/completions",
        "completions": "/v1/completions",
        "props": "/props",
        "tokenize": "/tokenize",
        "lmstudio": "/api/v0/models",
        "ps": "/api/ps",
        "elsewhere": "/elsewhere",
    }
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = StandIn(
            listener.getsockname()[1],
            {
                paths[name]: [each] if isinstance(each, Answer) else list(each)
                for name, each in {"models": models("tale-7b"), **answers}.items()
            },
        )
        over = threading.Event()
        thread = threading.Thread(target=_accept, args=(listener, server, over, tls), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            over.set()
            # Wakes `accept`, which closing the socket alone does not.
            socket.create_connection(("127.0.0.1", server.port)).close()
            thread.join()


def _accept(
    listener: socket.socket, server: StandIn, over: threading.Event, tls: ssl.SSLContext | None
) -> None:
    while True:
        connection, _ = listener.accept()
        if over.is_set():
            connection.close()
            return
        server.connections += 1
        threading.Thread(target=_begin, args=(connection, server, tls), daemon=True).start()


def _begin(connection: socket.socket, server: StandIn, tls: ssl.SSLContext | None) -> None:
    if tls is None:
        _serve(connection, server)
        return
    with connection:
        try:
            wrapped = tls.wrap_socket(connection, server_side=True)
        except OSError:
            server.left.set()
            return
        _serve(wrapped, server)


def _serve(connection: socket.socket, server: StandIn) -> None:
    with connection, connection.makefile("rb") as reading:
        try:
            # A TLS greeting begins so; random bytes follow, in which a line may never end.
            if reading.peek(1)[:1] == b"\x16":
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                return
            line = reading.readline().decode("latin-1")
            if line.count(" ") < 2:
                return
            method, path, _ = line.split(" ", 2)
            headers: dict[str, str] = {}
            while (header := reading.readline().decode("latin-1").strip()) != "":
                name, _, value = header.partition(":")
                headers[name.lower()] = value.strip()
            raw = reading.read(int(headers.get("content-length", 0)))
            asked = Asked(method, path, headers, json.loads(raw) if raw else None)
            _answer(connection, server.next_answer(asked), lambda: _watch(connection, server))
        except OSError:
            server.left.set()


def _watch(connection: socket.socket, server: StandIn) -> None:
    """Wait for the client to close the connection."""
    try:
        if connection.recv(1) == b"":
            server.left.set()
    except OSError:
        server.left.set()


def _answer(connection: socket.socket, answer: Answer, watch: Callable[[], None]) -> None:
    if answer.silent is not None:
        threading.Thread(target=watch, daemon=True).start()
        answer.silent.wait()
    head = [f"HTTP/1.1 {answer.status} As it is", "Connection: close"]
    if answer.chunked:
        head.append("Transfer-Encoding: chunked")
    head += [f"{name}: {value}" for name, value in answer.headers.items()]
    connection.sendall("\r\n".join([*head, "", ""]).encode())
    for piece in answer.pieces:
        if isinstance(piece, threading.Event):
            threading.Thread(target=watch, daemon=True).start()
            piece.wait()
        elif piece:
            if answer.chunked:
                piece = f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
            connection.sendall(piece)
    if answer.chunked and not answer.drops:
        connection.sendall(b"0\r\n\r\n")
