"""How a stand-in for the Hub takes uploads: repositories, large files by LFS, commits.

As huggingface_hub's hf_api.py, _commit_api.py and lfs.py (version 2.4) talk to the real one: large
files go by their hash into a storage that belongs to no repository, whole or in parts to addresses
that are signed, and a commit, a JSON a line, puts them in their places.
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha1, sha256
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import parse_qs, urlsplit

import yaml
from hub_contents import TOKEN, Content, Repository

if TYPE_CHECKING:
    from hub_answers import Server

LARGE = 1 << 20
"""Bytes from which on a file is large; the real Hub takes ten times as much."""
LARGE_ENDINGS = (".gguf", ".safetensors", ".parquet", ".png", ".bin")
_BLOCK = 1 << 16
_JSON = {"Content-Type": "application/json; charset=utf-8"}
_REPOSITORY = r"(models|datasets)/([^/]+/[^/]+)"
_HEAD = re.compile(r"^---\n(.*?)\n---\n", re.DOTALL)
_LICENCES = (
    *("apache-2.0", "mit", "cc0-1.0", "cc-by-4.0", "llama3.1", "gemma", "other", "unknown"),
    *("cc-by-sa-4.0", "cc-by-nc-4.0", "openrail", "gpl-3.0"),
)
_RELATIONS = ("adapter", "merge", "quantized", "finetune")


@dataclass
class Commit:
    """What one commit put into a repository."""

    repository: str
    message: str
    files: list[str] = field(default_factory=list)


class Uploads:
    """The part of the stand-in's handler that takes something."""

    server: "Server"
    path: str
    headers: Any
    rfile: BinaryIO

    def take(self, path: str) -> None:
        """Answer what came by POST or PUT."""
        hub = self.server.hub
        if match := re.fullmatch(r"/storage/([0-9a-f]{64})(?:/(\d+))?", path):
            self._store(match[1], int(match[2] or 0))
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if path == "/api/validate-yaml":
            errors = troubles_of(json.loads(body)["content"])
            told = {"errors": [{"message": each} for each in errors], "warnings": []}
            self._tell(400 if errors else 200, told)
        elif match := re.fullmatch(r"/api/complete/([0-9a-f]{64})", path):
            self._complete(match[1], json.loads(body))
        elif self._token() != TOKEN:
            self._refuse(401, "", "Invalid username or password.")
        elif path == "/api/repos/create":
            self._create(json.loads(body))
        elif match := re.fullmatch(rf"/api/{_REPOSITORY}/preupload/main", path):
            self._modes(_key(match[1], match[2]), json.loads(body)["files"])
        elif match := re.fullmatch(r"/(datasets/)?([^/]+/[^/]+)\.git/info/lfs/objects/batch", path):
            self._batch(json.loads(body)["objects"])
        elif path == "/api/verify":
            there = json.loads(body)["oid"] in hub.stored
            self._tell(200 if there else 404, {})
        elif match := re.fullmatch(rf"/api/{_REPOSITORY}/commit/main", path):
            self._commit(_key(match[1], match[2]), [json.loads(each) for each in body.splitlines()])
        else:
            self._refuse(404, "", "Not Found")

    # --- repositories -----------------------------------------------------------------------------

    def _create(self, asked: Mapping[str, Any]) -> None:
        hub = self.server.hub
        kind = f"{asked.get('type', 'model')}s"
        name = f"{asked['organization'] or 'owner'}/{asked['name']}"
        key = _key(kind, name)
        if key.split("/")[-2] != "owner":
            words = f"You don't have the rights to create a {kind[:-1]} under this namespace"
            self._refuse(403, "", words)
            return
        if key in hub.repositories:
            words = f"You already created this {kind[:-1]} repo"
            self._tell(409, {"error": words, "url": f"{hub.endpoint}/{key}"})
            return
        private = asked.get("visibility") == "private"
        hub.repositories[key] = Repository({}, private=private, downloads=0, likes=0)
        self._tell(200, {"url": f"{hub.endpoint}/{key}", "name": name})

    def _modes(self, key: str, files: list[dict[str, Any]]) -> None:
        found = self._writable(key)
        if found is None:
            return
        told = []
        for each in files:
            name = each["path"]
            large = each["size"] >= LARGE or name.endswith(LARGE_ENDINGS)
            there = found.files.get(name)
            oid = None
            if there is not None:
                oid = there.sha256 if large else git_hash(there.part(0, there.size))
            mode = "lfs" if large else "regular"
            ignored = name in self.server.hub.ignored
            told.append({"path": name, "uploadMode": mode, "shouldIgnore": ignored, "oid": oid})
        self._tell(200, {"files": told})

    def _commit(self, key: str, lines: list[dict[str, Any]]) -> None:
        hub = self.server.hub
        found = self._writable(key)
        if found is None:
            return
        made = Commit(key, lines[0]["value"]["summary"])
        new: dict[str, Content] = {}
        for line in lines[1:]:
            value = line["value"]
            if line["key"] == "lfsFile":
                if value["oid"] not in hub.stored:
                    self._refuse(400, "", f"LFS object {value['oid']} was not uploaded")
                    return
                new[value["path"]] = hub.stored[value["oid"]]
            else:
                assert line["key"] == "file"
                assert value["encoding"] == "base64"
                new[value["path"]] = Content(base64.b64decode(value["content"], validate=True))
            made.files.append(value["path"])
        found.files.update(new)
        hub.commits.append(made)
        address = f"{hub.endpoint}/{key}/commit/{found.commit}"
        self._tell(200, {"success": True, "commitUrl": address, "commitOid": found.commit})

    def _writable(self, key: str) -> Repository | None:
        found: Repository | None = self.server.hub.repositories.get(key)
        if found is None:
            self._refuse(404, "RepoNotFound", "Repository not found")
        elif key.split("/")[-2] != "owner":
            self._refuse(403, "", "You have read access but not write access")
            return None
        return found

    # --- large files ------------------------------------------------------------------------------

    def _batch(self, objects: list[dict[str, Any]]) -> None:
        hub = self.server.hub
        told = []
        for each in objects:
            about = {"oid": each["oid"], "size": each["size"]}
            if each["oid"] not in hub.stored:
                about["actions"] = {
                    "upload": self._ways(each["oid"], each["size"]),
                    "verify": {"href": f"{hub.endpoint}/api/verify", "header": {}},
                }
            told.append(about)
        transfer = "multipart" if hub.part_size else "basic"
        self._tell(200, {"transfer": transfer, "objects": told})

    def _ways(self, oid: str, size: int) -> dict[str, Any]:
        hub = self.server.hub
        place = f"{hub.elsewhere}/storage/{oid}"
        if not hub.part_size or size <= hub.part_size:
            return {"href": f"{place}?Signature=secret"}
        parts = -(-size // hub.part_size)
        header = {
            f"{number:05d}": f"{place}/{number}?Signature=secret" for number in range(1, parts + 1)
        }
        header["chunk_size"] = str(hub.part_size)
        return {"href": f"{hub.endpoint}/api/complete/{oid}?Signature=secret", "header": header}

    def _store(self, oid: str, part: int) -> None:
        """Take a large file, or a part of one; what breaks off is not kept."""
        hub = self.server.hub
        length = self.headers.get("Content-Length")
        if not self._is_signed() or self._token():
            self._say(403, b"", {})
            return
        if length is None:
            self._say(411, b"", {})
            return
        came, left = bytearray(), int(length)
        while left:
            block = self.rfile.read(min(_BLOCK, left))
            if not block or not hub.receive(oid, len(block)):
                self._drop()
                return
            came += block
            left -= len(block)
        data = bytes(came)
        if part:
            hub.parts[oid, part] = data
        elif sha256(data).hexdigest() == oid:
            hub.stored[oid] = Content(data)
        else:
            self._say(400, b"", {})
            return
        self._say(200, b"", {"ETag": f'"{sha1(data).hexdigest()}"'})

    def _complete(self, oid: str, asked: Mapping[str, Any]) -> None:
        hub = self.server.hub
        if not self._is_signed():
            self._say(403, b"", {})
            return
        pieces = []
        for each in asked["parts"]:
            data = hub.parts.get((oid, each["partNumber"]))
            if data is None or each["etag"] != f'"{sha1(data).hexdigest()}"':
                self._refuse(400, "", "One of the parts was not uploaded")
                return
            pieces.append(data)
        whole = b"".join(pieces)
        if sha256(whole).hexdigest() != oid:
            self._refuse(400, "", "The object has another hash")
            return
        hub.stored[oid] = Content(whole)
        self._tell(200, {})

    def _is_signed(self) -> bool:
        return parse_qs(urlsplit(self.path).query).get("Signature") == ["secret"]

    # --- the rest of the handler ------------------------------------------------------------------

    def _tell(self, status: int, told: object) -> None:
        self._say(status, json.dumps(told).encode(), _JSON)

    def _say(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        raise NotImplementedError

    def _refuse(self, status: int, code: str, words: str) -> None:
        raise NotImplementedError

    def _drop(self) -> None:
        raise NotImplementedError

    def _token(self) -> str:
        raise NotImplementedError


def troubles_of(card: str) -> list[str]:
    """What the Hub says against a card's head.

    As its documentation of cards has it (docs/hub/model-cards, datasets-cards): types, names of
    licences, what a relation to a base may be.
    """
    match = _HEAD.match(card)
    if match is None:
        return []
    try:
        head = yaml.safe_load(match[1])
    except yaml.YAMLError as error:
        return [f"the metadata is no YAML: {error}"]
    if not isinstance(head, dict):
        return ["the metadata is no mapping"]
    found = []
    if "license" in head and head["license"] not in _LICENCES:
        found.append('"license" must be one of the licences')
    if head.get("license") == "other" and not head.get("license_name"):
        found.append('"license_name" is required with "license: other"')
    for name in ("tags", "datasets"):
        value = head.get(name, [])
        if not (isinstance(value, list) and all(isinstance(each, str) for each in value)):
            found.append(f'"{name}" must be an array of strings')
    for name in ("base_model", "language"):
        value = head.get(name, [])
        if not isinstance(value, str | list):
            found.append(f'"{name}" must be a string or an array')
    for each in (
        [head.get("language", [])]
        if isinstance(head.get("language"), str)
        else (head.get("language") or [])
    ):
        if not re.fullmatch(r"[a-z]{2,3}|code|multilingual", str(each)):
            found.append('"language" must only contain ISO 639 codes')
    bases = head.get("base_model", [])
    for each in [bases] if isinstance(bases, str) else bases:
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", str(each)):
            found.append(f'"base_model" {each} is no id of a model')
    if head.get("base_model_relation", "merge") not in _RELATIONS:
        found.append('"base_model_relation" must be one of the relations')
    for name in ("pipeline_tag", "library_name"):
        if name in head and not isinstance(head[name], str):
            found.append(f'"{name}" must be a string')
    return found


def git_hash(data: bytes) -> str:
    return sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _key(kind: str, name: str) -> str:
    return f"datasets/{name}" if kind == "datasets" else name
