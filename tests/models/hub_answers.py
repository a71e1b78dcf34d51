"""How a stand-in for the Hub answers: as the real one does, unless something is to go wrong.

Headers and error codes as in huggingface_hub's file_download.py and utils/_http.py, version 2.4.
"""

import json
import re
import socket
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, unquote, urlsplit

import xet_stand_in
from hub_contents import TOKEN, Content, Repository
from hub_uploads import Uploads

if TYPE_CHECKING:
    from hub_stand_in import HubStandIn

BLOCK = 64 << 10
_JSON = {"Content-Type": "application/json; charset=utf-8"}


@dataclass
class Seen:
    """One request."""

    method: str
    host: str
    path: str
    headers: dict[str, str]
    """Their names in small letters."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    hub: "HubStandIn"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away are what it is made for."""


class Handler(Uploads, BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        # What lies in this side's buffer when a client goes away counts as sent.
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 256 << 10)
        super().setup()

    def log_message(self, form: str, *arguments: object) -> None:
        if self.server.hub.verbose:
            print(form % arguments, flush=True)

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    # --- what is asked for ------------------------------------------------------------------------

    def _answer(self) -> None:
        hub = self.server.hub
        address = urlsplit(self.path)
        path = unquote(address.path)
        host = self.headers.get("Host", "")
        headers = {key.lower(): value for key, value in self.headers.items()}
        hub.seen.append(Seen(self.command, host, path, headers))
        if hub.gone:
            self._drop()
        elif failure := hub.failure(path, self.command):
            self._say(failure.status, b"{}", failure.headers)
        elif hub.captive:
            self._say(200, b"<html>Sign in</html>", {"Content-Type": "text/html; charset=utf-8"})
        elif hub.instead is not None:
            self._say(200, hub.instead, _JSON)
        elif self._token() not in ("", TOKEN, xet_stand_in.TOKEN):
            words = "Invalid credentials in Authorization header"
            self._refuse(401, "", words)
        elif self.command in ("POST", "PUT"):
            self.take(path)
        elif path == "/api/models":
            self._search(parse_qs(address.query))
        elif match := re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?", path):
            self._info(match[1], match[2] or "main", parse_qs(address.query))
        elif match := re.fullmatch(r"/api/(datasets/[^/]+/[^/]+)", path):
            self._info(match[1], "main", parse_qs(address.query))
        elif match := re.fullmatch(r"/api/models/([^/]+/[^/]+)/xet-read-token/.+", path):
            self._say(200, json.dumps(xet_stand_in.token(hub.endpoint)).encode(), _JSON)
        elif match := re.fullmatch(r"/v1/reconstructions/([0-9a-f]{64})", path):
            self._recipe(match[1])
        elif match := re.fullmatch(r"/xorbs/([0-9a-f]{64})/(\d+)", path):
            self._xorb(match[1], int(match[2]))
        elif match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            self._resolve(match[1], match[2], match[3])
        elif match := re.fullmatch(r"/bytes/([^/]+/[^/]+)/(.+)", path):
            self._bytes(match[1], match[2])
        else:
            self._refuse(404, "", "Not Found")

    def _search(self, query: Mapping[str, Sequence[str]]) -> None:
        words = query.get("search", [""])[0].lower().split()
        found = [
            self._about(name, each, blobs=False)
            for name, each in self.server.hub.repositories.items()
            if all(word in name.lower() for word in words) and not each.private
        ]
        found.sort(key=lambda each: -each["downloads"])
        limit = int(query.get("limit", ["1000"])[0])
        self._say(200, json.dumps(found[:limit]).encode(), _JSON)

    def _info(self, name: str, revision: str, query: Mapping[str, Sequence[str]]) -> None:
        found = self._repository(name, revision)
        if found is not None:
            about = self._about(name, found, blobs=query.get("blobs", [""])[0].lower() == "true")
            self._say(200, json.dumps(about).encode(), _JSON)

    def _about(self, name: str, found: Repository, *, blobs: bool) -> dict[str, object]:
        siblings: list[dict[str, object]] = []
        for file_name, file in found.files.items():
            about: dict[str, object] = {"rfilename": file_name}
            if blobs:
                about |= {"size": file.size, "blobId": sha1(file.sha256.encode()).hexdigest()}
            if blobs and file_name.endswith(".gguf"):
                about["lfs"] = {"sha256": file.sha256, "size": file.size, "pointerSize": 134}
            siblings.append(about)
        return {
            "_id": "0" * 24,
            "id": name,
            "modelId": name,
            "sha": found.commit,
            "private": found.private,
            "gated": "auto" if found.gated else False,
            "downloads": found.downloads,
            "likes": found.likes,
            "lastModified": "2025-07-31T08:29:12.000Z",
            "tags": ["gguf", f"license:{found.licence}", "endpoints_compatible"],
            "siblings": siblings,
        }

    def _resolve(self, name: str, revision: str, file_name: str) -> None:
        hub = self.server.hub
        found = self._repository(name, revision)
        if found is None:
            return
        if found.gated and self._token() != TOKEN:
            status = 403 if self._token() else 401
            self._refuse(status, "GatedRepo", "Access to this model is restricted.")
            return
        file = found.files.get(file_name)
        if file is None:
            self._refuse(404, "EntryNotFound", "Entry not found", {"X-Repo-Commit": found.commit})
            return
        headers = {"X-Repo-Commit": found.commit, "Accept-Ranges": "bytes"}
        if not file_name.endswith(".gguf"):
            headers["ETag"] = f'"{sha1(file.sha256.encode()).hexdigest()}"'
            self._send(f"{name}/{file_name}", file_name, file, headers)
            return
        etag = file.sha256 if hub.etag is None else hub.etag
        headers |= {"X-Linked-Size": str(file.size), "X-Linked-Etag": f'"{etag}"'}
        headers["ETag"] = f'"{etag}"'
        if hub.offers_xet:
            at = hub.asks_for_token_at or hub.endpoint
            refresh = f"{at}/api/models/{name}/xet-read-token/{found.commit}"
            headers["X-Xet-Hash"] = file.sha256
            headers["Link"] = f'<{refresh}>; rel="xet-auth"'
        if hub.redirects:
            place = f"{hub.elsewhere}/bytes/{name}/{quote(file_name)}?Signature=secret"
            self._say(302, b"", headers | {"Location": place})
        else:
            self._send(f"{name}/{file_name}", file_name, file, headers)

    def _bytes(self, name: str, file_name: str) -> None:
        """The other host: it knows addresses that are signed, and no tokens."""
        if "Signature=secret" not in self.path:
            self._say(403, b"", {})
            return
        file = self.server.hub.repositories[name].files[file_name]
        self._send(f"{name}/{file_name}", file_name, file, {"ETag": f'"{file.sha256[:32]}"'})

    # --- Xet --------------------------------------------------------------------------------------

    def _recipe(self, mark: str) -> None:
        _, file = self._of_mark(mark)
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        begin, end = (int(asked[1]), int(asked[2]) + 1) if asked else (0, file.size)
        if begin >= file.size:
            self._say(416, b"", {})
            return
        address = f"{self.server.hub.elsewhere}/xorbs/{mark}"
        found = xet_stand_in.recipe(mark, file.size, begin, min(end, file.size), address)
        self._say(200, json.dumps(found).encode(), _JSON)

    def _xorb(self, mark: str, number: int) -> None:
        what, file = self._of_mark(mark)
        begin = number * xet_stand_in.CHUNK * xet_stand_in.CHUNKS
        end = begin + xet_stand_in.CHUNK * xet_stand_in.CHUNKS
        self._send(
            what, what.split("/", 2)[2], Content(xet_stand_in.xorb(file.part(begin, end))), {}
        )

    def _of_mark(self, mark: str) -> tuple[str, Content]:
        """The file whose hash, which stands for its hash in Xet, is `mark`."""
        return next(
            (f"{name}/{file_name}", file)
            for name, each in self.server.hub.repositories.items()
            for file_name, file in each.files.items()
            if file.sha256 == mark
        )

    # --- answers ----------------------------------------------------------------------------------

    def _send(self, what: str, file_name: str, file: Content, headers: dict[str, str]) -> None:
        hub = self.server.hub
        begin, end, status = 0, file.size, 200
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked and hub.knows_ranges:
            begin = int(asked[1])
            end = min(end, int(asked[2]) + 1) if asked[2] else end
            if begin >= file.size:
                self._say(416, b"", {"Content-Range": f"bytes */{file.size}"})
                return
            status = 206
            headers = headers | {"Content-Range": f"bytes {begin}-{end - 1}/{file.size}"}
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(end - begin))
        self.end_headers()
        if self.command == "HEAD":
            return
        cut = hub.cut_between(begin, end)
        for piece in self._paced(file, begin, end if cut is None else cut):
            if file_name in hub.wrong_bytes:
                piece = bytes(each ^ 0xFF for each in piece[:16]) + piece[16:]
            self.wfile.write(piece)
            hub.count(what, len(piece))
        if cut is not None:
            self._drop()

    def _paced(self, file: Content, begin: int, end: int) -> Iterator[bytes]:
        at = begin
        while at < end:
            rate = self.server.hub.rate
            step = min(BLOCK, max(1, rate // 20)) if rate else BLOCK
            began = time.monotonic()
            piece = file.part(at, min(at + step, end))
            yield piece
            at += len(piece)
            if rate:
                time.sleep(max(0.0, began + len(piece) / rate - time.monotonic()))

    def _drop(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        if self.server.hub.resets:
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            self.request.shutdown(socket.SHUT_WR)
        self.request.close()

    def _repository(self, name: str, revision: str) -> Repository | None:
        found = self.server.hub.repositories.get(name)
        if found is None or (found.private and self._token() != TOKEN):
            # Who is not known is not told whether it is there.
            self._refuse(404 if self._token() else 401, "RepoNotFound", "Repository not found")
            return None
        if revision not in ("main", found.commit):
            self._refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
            return None
        return found

    def _token(self) -> str:
        return self.headers.get("Authorization", "").removeprefix("Bearer ").strip()

    def _refuse(
        self, status: int, code: str, words: str, headers: Mapping[str, str] | None = None
    ) -> None:
        told = {"X-Error-Message": words} | ({"X-Error-Code": code} if code else {})
        body = json.dumps({"error": words}).encode()
        self._say(status, body, {**_JSON, **told, **(headers or {})})

    def _say(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
