"""A stand-in for a proxy, on 127.0.0.1: whatever host is asked for, it leads to one port."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class StandInProxy:
    """The proxy, and what it was asked."""

    port: int
    heads: list[str] = field(default_factory=list)
    """The head of each request, line by line."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def stand_in_proxy(leads_to: int, refuses: bytes = b"") -> Iterator[StandInProxy]:
    """A proxy that leads to a port of 127.0.0.1, or answers with `refuses` instead."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy = StandInProxy(listener.getsockname()[1])
        over = threading.Event()
        arguments = (listener, proxy, leads_to, refuses, over)
        thread = threading.Thread(target=_accept, args=arguments, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            over.set()
            socket.create_connection(("127.0.0.1", proxy.port)).close()
            thread.join()


def _accept(
    listener: socket.socket,
    proxy: StandInProxy,
    leads_to: int,
    refuses: bytes,
    over: threading.Event,
) -> None:
    while True:
        connection, _ = listener.accept()
        if over.is_set():
            connection.close()
            return
        arguments = (connection, proxy, leads_to, refuses)
        threading.Thread(target=_lead, args=arguments, daemon=True).start()


def _lead(connection: socket.socket, proxy: StandInProxy, leads_to: int, refuses: bytes) -> None:
    with connection:
        head = b""
        while b"\r\n\r\n" not in head:
            byte = connection.recv(1)
            if not byte:
                return
            head += byte
        proxy.heads.append(head.decode())
        if refuses:
            connection.sendall(refuses)
            return
        with socket.create_connection(("127.0.0.1", leads_to)) as server:
            if head.startswith(b"CONNECT "):
                connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                method, url, rest = head.split(b" ", 2)
                path = b"/" + url.split(b"/", 3)[3]
                server.sendall(b" ".join([method, path, rest]))
            back = threading.Thread(target=_pass_on, args=(server, connection), daemon=True)
            back.start()
            _pass_on(connection, server)
            back.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    try:
        while piece := source.recv(65536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return
