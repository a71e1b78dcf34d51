"""A stand-in for the Hugging Face Hub on 127.0.0.1, with the real one's answers and its bad days.

It serves files under `/api/models…` and `/{owner}/{name}/resolve/{revision}/{file}` as the Hub
does: a redirect to another host name for the bytes, ranges, Xet, and everything that can go wrong
on the way. It counts the bytes that it sends. It takes uploads too (`hub_uploads`).

By hand, with the small built-in model standing for those of the catalogue:

    python tests/models/hub_stand_in.py --port 8765 --rate 10MB --cut-at 20MB,50MB,80MB
    HF_ENDPOINT=http://127.0.0.1:8765 HF_HOME=/tmp/hub storytui
"""

import argparse
import re
import signal
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hub_answers import Handler, Seen, Server
from hub_contents import TOKEN, Content, Repository, repository
from hub_uploads import Commit


@dataclass
class Failure:
    """An answer given in place of the right one, so many times, to what holds `where`."""

    where: str
    status: int
    times: int = 1
    headers: dict[str, str] = field(default_factory=dict)
    method: str = ""


class HubStandIn:
    """The stand-in; what goes wrong is set on it, also while it runs."""

    def __init__(self, repositories: Mapping[str, Repository], port: int = 0) -> None:
        self.repositories = dict(repositories)
        self.rate = 0
        """Bytes a second of one answer; 0: as fast as it goes."""
        self.cuts: list[int] = []
        """Bytes of a file at which the connection is dropped, each once."""
        self.resets = False
        """Dropped without a goodbye: what is on its way is lost."""
        self.wrong_bytes: set[str] = set()
        """Files that come with other bytes, as many as there should be."""
        self.failures: list[Failure] = []
        self.ignored: set[str] = set()
        """Files that a .gitignore of the repository names."""
        self.captive = False
        """All that is asked for is answered with a page to sign in."""
        self.captive_after_cuts = False
        """So after the connection was dropped."""
        self.instead: bytes | None = None
        """Answers everything, as JSON."""
        self.etag: str | None = None
        """Given for every model in place of its own."""
        self.knows_ranges = True
        self.redirects = True
        self.offers_xet = False
        self.asks_for_token_at = ""
        """Where Xet is to fetch its right to read; empty: at the Hub."""
        self.gone = False
        """Every connection is dropped before a word."""
        self.sent: Counter[str] = Counter()
        """Bytes of files that were sent, by repository and file."""
        self.stored: dict[str, Content] = {}
        """Large files that were uploaded, by their hashes; in no repository before a commit."""
        self.received: Counter[str] = Counter()
        """Bytes of large files that came, by their hashes."""
        self.upload_cuts: list[int] = []
        """Bytes of all large files together at which the connection is dropped, each once."""
        self.parts: dict[tuple[str, int], bytes] = {}
        """Parts of large files that came."""
        self.part_size = 0
        """Bytes of the parts that large files are to be sent in; 0: whole."""
        self.commits: list[Commit] = []
        self.seen: list[Seen] = []
        self.verbose = False
        self._lock = threading.Lock()
        self._server = Server(("127.0.0.1", port), Handler)
        self._server.hub = self
        self.port = self._server.server_address[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.elsewhere = f"http://localhost:{self.port}"
        """Where the bytes come from: another host by its name."""

    def __enter__(self) -> "HubStandIn":
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def encrypt(self, certificate: Path, key: Path) -> None:
        """Speak TLS from now on, with a certificate of its own."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )

    @property
    def total_sent(self) -> int:
        return sum(self.sent.values())

    def requests(self, part: str, method: str = "") -> list[Seen]:
        return [each for each in self.seen if part in each.path and method in each.method]

    def failure(self, path: str, method: str) -> Failure | None:
        with self._lock:
            for each in self.failures:
                if each.where in path and each.method in method and each.times > 0:
                    each.times -= 1
                    return each
        return None

    def cut_between(self, begin: int, end: int) -> int | None:
        """The next byte at which to drop the connection; it is dropped there once."""
        with self._lock:
            due = [each for each in self.cuts if begin <= each < end]
            if not due:
                return None
            self.cuts.remove(min(due))
            self.captive = self.captive or self.captive_after_cuts
            return min(due)

    def receive(self, oid: str, size: int) -> bool:
        """Count bytes of a large file that came; False: the connection is to be dropped."""
        with self._lock:
            self.received[oid] += size
            due = [each for each in self.upload_cuts if each <= self.received.total()]
            for each in due:
                self.upload_cuts.remove(each)
            return not due

    def count(self, what: str, size: int) -> None:
        with self._lock:
            self.sent[what] += size


# --- by hand --------------------------------------------------------------------------------------


def catalogue_repositories(model: Path) -> dict[str, Repository]:
    """The repositories of the catalogue, each with `model` for the file that is wanted."""
    from storytui.models.catalog import catalogue

    found = {}
    for number, entry in enumerate(catalogue()):
        name = next((each for each in entry.files if "*" not in each), f"{entry.id}-Q4_K_M.gguf")
        found[entry.repository] = repository(
            {"README.md": f"# {entry.name}\n".encode(), name: model},
            licence=entry.licence.lower(),
            downloads=100_000 - number,
        )
    return found


def size(text: str) -> int:
    """Bytes, from `1500`, `10MB` or `10MiB`."""
    match = re.fullmatch(r"([\d.]+)\s*([KMG]?)(i?)B?", text.strip(), re.IGNORECASE)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text} is no size; one looks like 10MB")
    step = 1024 if match[3] else 1000
    return int(float(match[1]) * step ** " KMG".index(match[2].upper() or " "))


def sizes(text: str) -> list[int]:
    return [size(each) for each in text.split(",")]


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="A stand-in for the Hugging Face Hub.")
    parser.add_argument("--port", type=int, default=8765)
    parser.add_argument("--model", type=Path, help="the file it serves; else the built-in model")
    parser.add_argument("--rate", type=size, default=0, help="bytes a second, like 10MB")
    parser.add_argument("--cut-at", type=sizes, default=[], help="bytes of a file, like 20MB,50MB")
    parser.add_argument("--wrong-bytes", action="store_true", help="as many bytes, but others")
    parser.add_argument("--gated", action="store_true", help=f"let in only the token {TOKEN}")
    parser.add_argument("--xet", action="store_true", help="offer Xet")
    parser.add_argument("--captive", action="store_true", help="answer with a page to sign in")
    parser.add_argument("--quiet", action="store_true")
    options = parser.parse_args(None if arguments is None else list(arguments))
    from storytui.models.starter import starter_model

    model = options.model or starter_model()
    if model is None:
        parser.error("the built-in model is not installed: name a file with --model")
    hub = HubStandIn(catalogue_repositories(model), options.port)
    hub.rate, hub.cuts, hub.captive = options.rate, options.cut_at, options.captive
    hub.offers_xet = options.xet
    hub.verbose = not options.quiet
    for each in hub.repositories.values():
        each.gated = options.gated
        if options.wrong_bytes:
            hub.wrong_bytes |= set(each.files)
    # A shell that puts it in the background has it ignore ctrl+c.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    with hub:
        print(f"HF_ENDPOINT={hub.endpoint}  (ctrl+c ends it)", flush=True)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            for what, count in hub.sent.items():
                print(f"{count:>13,} bytes of {what}")


if __name__ == "__main__":
    main()
