"""A stand-in for a mirror of Project Gutenberg and a Gutendex API on 127.0.0.1, bad days included.

It answers as Apache does: ETag, Last-Modified, If-None-Match, Range and If-Range, a page for what
is not there. It counts what it is asked.

By hand, with the books of a folder and its catalog.tsv:

    python tests/train/gutenberg/mirror_stand_in.py FOLDER --port 8766 --cut-at 20000 --busy 2
"""

import argparse
import csv
import gzip
import hashlib
import io
import json
import threading
from collections import Counter
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

MODIFIED = "Tue, 06 Oct 2026 06:00:00 GMT"
COLUMNS = "Text#,Type,Issued,Title,Language,Authors,Subjects,LoCC,Bookshelves"
PAGE = b"<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head><body>No.</body></html>\n"
CATALOG = "/cache/epub/feeds/pg_catalog.csv.gz"


@dataclass
class Asked:
    """A request that came."""

    path: str
    headers: dict[str, str]
    status: int = 0
    sent: int = 0
    """Bytes of the body."""


@dataclass
class MirrorStandIn:
    """The stand-in; what goes wrong is set on it, also while it runs."""

    files: dict[str, bytes]
    """By path, with the slash before it."""
    books: list[dict[str, object]] = field(default_factory=list)
    """What the API knows."""
    port: int = 0
    page_size: int = 2
    redirects: dict[str, str] = field(default_factory=dict)
    """From a path to an address."""
    busy: int = 0
    """So many requests are answered by 429."""
    retry_after: str = "7"
    cuts: list[int] = field(default_factory=list)
    """Bytes of a body after which the connection is dropped, each once."""
    pages_for_missing: bool = False
    """What is missing is answered by a page and status 200."""
    next_host: str = ""
    """The host that the API's next pages are on; empty: its own."""
    next_again: bool = False
    """Every next page is the first one."""
    ranges: bool = True
    changed: Counter[str] = field(default_factory=Counter)
    """Makes another ETag."""
    asked: list[Asked] = field(default_factory=list)

    def __enter__(self) -> "MirrorStandIn":
        stand_in = self

        class Handler(_Handler):
            mirror = stand_in

        self._server = _Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def paths(self) -> list[str]:
        return [each.path for each in self.asked]

    def etag(self, path: str) -> str:
        digest = hashlib.sha256(self.files[path]).hexdigest()[:12]
        return f'"{digest}-{self.changed[path]}"'


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up in the middle is no news here."""


class _Handler(BaseHTTPRequestHandler):
    mirror: MirrorStandIn
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        mirror = self.mirror
        asked = Asked(self.path, {key.lower(): value for key, value in self.headers.items()})
        mirror.asked.append(asked)
        path = urlsplit(self.path).path
        if mirror.busy > 0:
            mirror.busy -= 1
            self._answer(asked, 429, b"slow down", {"Retry-After": mirror.retry_after})
        elif path in mirror.redirects:
            self._answer(asked, 302, b"", {"Location": mirror.redirects[path]})
        elif path.rstrip("/") == "/books":
            self._api(asked)
        elif path in mirror.files:
            self._file(asked, path)
        else:
            status = 200 if mirror.pages_for_missing else 404
            self._answer(asked, status, PAGE, {"Content-Type": "text/html; charset=iso-8859-1"})

    def _file(self, asked: Asked, path: str) -> None:
        mirror, data = self.mirror, self.mirror.files[path]
        etag = mirror.etag(path)
        headers = {"ETag": etag, "Last-Modified": MODIFIED, "Content-Type": "text/plain"}
        wanted = asked.headers.get("range", "")
        same = asked.headers.get("if-range", etag) in (etag, MODIFIED)
        if asked.headers.get("if-none-match") == etag:
            self._answer(asked, 304, b"", {"ETag": etag})
        elif wanted and same and mirror.ranges:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            if start >= len(data):
                self._answer(asked, 416, b"", {"Content-Range": f"bytes */{len(data)}"})
                return
            headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            self._answer(asked, 206, data[start:], headers)
        else:
            self._answer(asked, 200, data, headers)

    def _api(self, asked: Asked) -> None:
        mirror = self.mirror
        query = {key: value[0] for key, value in parse_qs(urlsplit(self.path).query).items()}
        found = [each for each in mirror.books if self._wanted(each, query)]
        found.sort(key=lambda each: str(each["id"]).zfill(9))
        page = int(query.get("page", "1"))
        first, behind = (page - 1) * mirror.page_size, page * mirror.page_size
        following = None
        if behind < len(found):
            host = mirror.next_host or mirror.address
            keys = {**query, "page": "1" if mirror.next_again else str(page + 1)}
            following = f"{host}/books?" + "&".join(f"{key}={keys[key]}" for key in keys)
        body = {
            "count": len(found),
            "next": following,
            "previous": None,
            "results": found[first:behind],
        }
        self._answer(asked, 200, json.dumps(body).encode(), {"Content-Type": "application/json"})

    @staticmethod
    def _wanted(book: dict[str, object], query: dict[str, str]) -> bool:
        about = json.dumps([book["subjects"], book["bookshelves"]]).lower()
        languages = query.get("languages", "").split(",")
        return (
            query.get("topic", "").lower() in about
            and ("ids" not in query or str(book["id"]) in query["ids"].split(","))
            and ("languages" not in query or book["languages"][0] in languages)  # type: ignore[index]
        )

    def _answer(self, asked: Asked, status: int, body: bytes, headers: dict[str, str]) -> None:
        asked.status = status
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        cut = None
        if status in (200, 206) and self.mirror.cuts and self.mirror.cuts[0] < len(body):
            cut = self.mirror.cuts.pop(0)
        asked.sent = len(body[:cut])
        self.wfile.write(body[:cut])
        if cut is not None:
            self.wfile.flush()
            self.close_connection = True


def catalog(rows: list[tuple[object, ...]]) -> bytes:
    """A packed catalogue as the project publishes it."""
    text = io.StringIO()
    text.write(COLUMNS + "\n")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return gzip.compress(text.getvalue().encode(), mtime=0)


def of_folder(folder: Path) -> dict[str, bytes]:
    """A mirror's files, from a folder of books with a catalog.tsv."""
    lines = (folder / "catalog.tsv").read_text(encoding="utf-8").splitlines()
    header = lines[0].split("\t")
    files: dict[str, bytes] = {}
    rows: list[tuple[object, ...]] = []
    for line in lines[1:]:
        row = dict(zip(header, line.split("\t"), strict=False))
        number = row["id"]
        branch = "/".join(number[:-1]) or "0"
        files[f"/{branch}/{number}/{number}-0.txt"] = (folder / row["file"]).read_bytes()
        author = f"{row['author']}, {row['author_birth']}-{row['author_death']}"
        subjects = row["subject"].replace(" | ", "; ")
        rows.append(
            (
                number,
                "Text",
                "1999-01-01",
                row["title"],
                row["language"],
                author,
                subjects,
                "PR",
                "",
            )
        )
    return {**files, CATALOG: catalog(rows)}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=8766)
    parser.add_argument("--cut-at", type=int, action="append", default=[])
    parser.add_argument("--busy", type=int, default=0)
    parser.add_argument("--pages-for-missing", action="store_true")
    given = parser.parse_args()
    with MirrorStandIn(
        of_folder(given.folder),
        port=given.port,
        cuts=given.cut_at,
        busy=given.busy,
        pages_for_missing=given.pages_for_missing,
    ) as mirror:
        print(f"{len(mirror.files)} files at {mirror.address}; Ctrl-C ends it.")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            counted = Counter(each.status for each in mirror.asked)
            print(f"\n{len(mirror.asked)} requests: {dict(counted)}")


if __name__ == "__main__":
    main()
