"""A teacher's endpoint on 127.0.0.1, which behaves like those of OpenRouter, DeepSeek and OpenAI.

What a request gets depends on the request alone, so that it gets the same however often it is
asked; what goes wrong on the way (limits, errors, timeouts, drops) is drawn by chance. Every
request is counted. By hand: `python tests/train/teacher/teacher_stand_in.py --faults 500=0.1`.
"""

import argparse
import json
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from email.parser import BytesParser
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

MODEL = "stand-in/teacher"
KEY = "sk-stand-in"
ON_THE_WAY = ("429", "500", "503", "timeout", "drop", "cut", "truncated", "error-in-200")
IN_THE_REPLY = ("empty", "length", "refusal", "leak", "list", "turned-away")
GUIDANCE_MARK = "Say in one sentence"
PROMPT_PRICE, COMPLETION_PRICE = 0.5, 2.0
"""US dollars for a million tokens."""

SENTENCES = (
    "Everybody in the room is waiting for the one who knows most to speak first.",
    "He wants to leave before the light goes, and she wants him to stay until it is settled.",
    "What was promised in the morning has not been kept, and that has to come out now.",
    "She is afraid of being thought weak, so she answers more sharply than she means to.",
    "The quarrel is not about the money at all but about who is believed.",
    "Since the door is still open, somebody from outside can come in and change everything.",
    "He has the upper hand for as long as nobody asks where he was the night before.",
    "It is time for a slow moment, in which the place is felt before anything is done.",
    "The old man has to give way, because he alone has nothing left to lose by it.",
    "First there must be silence, then a small practical thing to do with the hands.",
    "Only after that can the truth be told, and it is told to the wrong person.",
    "The one who listens understands more than the one who talks.",
    "That makes the next step plain: they go together, though neither has forgiven the other.",
    "The cold and the noise from the street press them into a hurry they would rather not show.",
    "A question asked lightly turns out to be the one that matters.",
    "She decides quickly, and the others find out only when it is too late to stop her.",
    "There is one thing he keeps back, and it should be felt that he does.",
    "The scene comes to rest on a small sign that the danger is not over.",
    "Nothing can be settled before they know what is in the other house.",
    "Both of them know that the journey cannot be put off until the weather is better.",
)
LINES = (
    "They agree to go on together and find that the way back is closed to them.",
    "She gives in at last and learns too late what her silence has cost the others.",
    "He is found out by a child and has to tell the whole of it before supper.",
    "The stranger is let in, and what he asks for turns friends against each other.",
    "An old promise is kept by the one person who never made it.",
)


@dataclass
class Batch:
    id: str
    input: str
    metadata: dict[str, str]
    polls: int = 0
    cancelled: bool = False
    output: str = ""
    errors: str = ""


@dataclass
class StandIn:
    """The server's state and what it was told to do."""

    key: str = KEY
    model: str = MODEL
    faults: dict[str, float] = field(default_factory=dict)
    """By name, the probability; those in the reply are drawn by the request itself."""
    script: list[str] = field(default_factory=list)
    """Faults on the way of the first requests, in order; empty: none."""
    seed: int = 0
    latency: float = 0.0
    report_cost: bool = True
    always: str = ""
    """A fault that every request has."""
    expires: int = 0
    """So many batches expire with half of their requests done."""
    received: Counter[str] = field(default_factory=Counter)
    """By request, how often it came."""
    answered: Counter[str] = field(default_factory=Counter)
    """By request, how often a whole reply was sent."""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    batches: dict[str, Batch] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lock = threading.Lock()
        self.chance = random.Random(self.seed)
        self.unlucky: Counter[str] = Counter()
        self.stopping = threading.Event()

    # --- living -----------------------------------------------------------------------------------

    def start(self, port: int = 0) -> "StandIn":
        stand_in = self

        class Handler(_Handler):
            state = stand_in

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # a client that was killed

        self.server = Server(("127.0.0.1", port), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def stop(self) -> None:
        self.stopping.set()
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self) -> "StandIn":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    # --- what a request gets ----------------------------------------------------------------------

    def fault_on_the_way(self, name: str) -> str:
        """Drawn by chance, but never more than three times in a row for one request."""
        with self.lock:
            if self.always:
                return self.always
            if self.script:
                return self.script.pop(0)
            if self.unlucky[name] < 3:
                for fault in ON_THE_WAY:
                    if self.chance.random() < self.faults.get(fault, 0.0):
                        self.unlucky[name] += 1
                        return fault
            self.unlucky[name] = 0
            return ""

    def fault_in_the_reply(self, name: str) -> str:
        drawn = random.Random(name)
        for fault in IN_THE_REPLY:
            if drawn.random() < self.faults.get(fault, 0.0):
                return fault
        return ""

    def reply_to(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and body, by the request alone."""
        name = name_of(body)
        if body.get("model") != self.model:
            return 404, {"error": {"message": f"No endpoints found for {body.get('model')}."}}
        fault = self.always if self.always in IN_THE_REPLY else self.fault_in_the_reply(name)
        if fault == "turned-away":
            return 400, {"error": {"message": "This endpoint's maximum context length is 2."}}
        asked = body["messages"][-1]["content"]
        text, finish = _text(asked, name), "stop"
        if fault == "empty":
            text = "" if drawn_bit(name) else "<think>It is hard to say.</think>"
        elif fault == "length":
            text, finish = text[: len(text) // 2].rsplit(" ", 2)[0], "length"
        elif fault == "refusal":
            text = "I'm sorry, but I can't help with that."
        elif fault == "leak":
            text = f"{text} {_leak(asked)}."
        elif fault == "list":
            text = "\n".join(f"- {each}." for each in text.split(". "))
        if drawn_bit(name, 1) and text:
            text = f"<think>Let me see, {name[:6]}.</think>\n\n{text}"
        prompt = sum(len(each["content"]) for each in body["messages"]) // 4
        completion = len(text.split()) * 4 // 3
        usage: dict[str, Any] = {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }
        if self.report_cost:
            cost = (prompt * PROMPT_PRICE + completion * COMPLETION_PRICE) / 1e6
            usage |= {"cost": cost, "cost_details": {"upstream_inference_cost": None}}
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": text, "reasoning": f"thought {name[:4]}"},
            "finish_reason": finish,
        }
        return 200, {
            "id": f"gen-{name[:12]}",
            "object": "chat.completion",
            "created": 1,
            "model": self.model,
            "provider": "Stand-in",
            "choices": [choice],
            "usage": usage,
        }

    # --- batches ----------------------------------------------------------------------------------

    def run_batch(self, batch: Batch) -> None:
        lines = [json.loads(line) for line in self.files[batch.input].splitlines()]
        expired = self.expires > 0
        self.expires -= expired
        output, errors = [], []
        for place, line in enumerate(lines):
            body = line["body"]
            name = name_of(body)
            self.received[name] += 1
            self.bodies.append(body)
            status, reply = self.reply_to(body)
            if expired and place % 2:
                message = {"code": "batch_expired", "message": "It took too long."}
                errors.append({"custom_id": line["custom_id"], "response": None, "error": message})
                continue
            if self.fault_on_the_way(name) in ("500", "503"):
                status, reply = 500, {"error": {"message": "Something went wrong."}}
            if status == 200:
                self.answered[name] += 1
            response = {"status_code": status, "request_id": "r", "body": reply}
            into = output if status == 200 else errors
            into.append({"custom_id": line["custom_id"], "response": response, "error": None})
        random.Random(batch.id).shuffle(output)
        if output:
            batch.output = self.add_file(_lines(output))
        if errors:
            batch.errors = self.add_file(_lines(errors))
        batch.cancelled = expired

    def add_file(self, content: bytes) -> str:
        name = f"file-{len(self.files) + 1}"
        self.files[name] = content
        return name

    def shown_batch(self, batch: Batch) -> dict[str, Any]:
        status = "in_progress"
        if batch.polls > 1:
            status = "expired" if batch.cancelled else "completed"
        return {
            "id": batch.id,
            "object": "batch",
            "endpoint": "/v1/chat/completions",
            "input_file_id": batch.input,
            "completion_window": "24h",
            "created_at": 1,
            "status": status,
            "metadata": batch.metadata,
            "output_file_id": batch.output or None,
            "error_file_id": batch.errors or None,
        }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: StandIn

    def log_message(self, *_: Any) -> None:
        pass

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self._allowed():
            return
        path = urlsplit(self.path).path
        if path.endswith("/chat/completions"):
            self._complete(json.loads(content))
        elif path.endswith("/files"):
            with self.state.lock:
                name = self.state.add_file(self._uploaded(content))
            self._send(
                200,
                {
                    "id": name,
                    "object": "file",
                    "bytes": 1,
                    "created_at": 1,
                    "filename": "batch.jsonl",
                    "purpose": "batch",
                    "status": "processed",
                },
            )
        elif path.endswith("/batches"):
            self._create(json.loads(content))
        else:
            self._send(404, {"error": {"message": "No such path."}})

    def do_GET(self) -> None:
        if not self._allowed():
            return
        state, parts = self.state, urlsplit(self.path).path.split("/")
        with state.lock:
            if parts[-1] == "content":
                self._send_bytes(200, state.files[parts[-2]], "application/octet-stream")
            elif parts[-1] == "batches":
                found = [state.shown_batch(each) for each in state.batches.values()]
                self._send(200, {"object": "list", "data": found, "has_more": False})
            elif parts[-2] == "batches" and parts[-1] in state.batches:
                batch = state.batches[parts[-1]]
                batch.polls += 1
                self._send(200, state.shown_batch(batch))
            else:
                self._send(404, {"error": {"message": "No such path."}})

    def _allowed(self) -> bool:
        self.state.headers.append({name.lower(): value for name, value in self.headers.items()})
        if self.headers.get("Authorization") == f"Bearer {self.state.key}":
            return True
        said = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        self._send(401, {"error": {"message": f"Incorrect API key provided: {said}", "code": 401}})
        return False

    def _complete(self, body: dict[str, Any]) -> None:
        state, name = self.state, name_of(body)
        with state.lock:
            state.received[name] += 1
            state.bodies.append(body)
        fault = state.fault_on_the_way(name)
        if state.latency:
            time.sleep(state.latency)
        if fault == "429":
            self._send(429, {"error": {"message": "Slow down."}}, {"Retry-After": "0.01"})
        elif fault in ("500", "503"):
            self._send(int(fault), {"error": {"message": "Something went wrong."}})
        elif fault == "402":
            self._send(402, {"error": {"message": "Insufficient credits."}})
        elif fault == "timeout":
            state.stopping.wait(30)
            self.close_connection = True
        elif fault == "drop":
            self.close_connection = True
        elif fault == "error-in-200":
            self._send(200, {"error": {"message": "Provider returned error", "code": 502}})
        else:
            self._reply(body, name, fault)

    def _reply(self, body: dict[str, Any], name: str, fault: str) -> None:
        status, reply = self.state.reply_to(body)
        content = json.dumps(reply).encode()
        if fault == "truncated":
            self._send_bytes(200, content[: len(content) // 2], "application/json")
            return
        if fault == "cut":
            self._send_bytes(200, content[: len(content) // 2], "application/json", len(content))
            self.close_connection = True
            return
        if status == 200:
            with self.state.lock:
                self.state.answered[name] += 1
        self._send_bytes(status, content, "application/json")

    def _create(self, asked: dict[str, Any]) -> None:
        state = self.state
        with state.lock:
            name = f"batch-{len(state.batches) + 1}"
            batch = Batch(name, asked["input_file_id"], asked.get("metadata") or {})
            state.batches[name] = batch
        state.run_batch(batch)
        self._send(200, state.shown_batch(batch))

    def _uploaded(self, content: bytes) -> bytes:
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        for part in BytesParser().parsebytes(head + content).walk():
            if part.get_filename():
                found = part.get_payload(decode=True)
                assert isinstance(found, bytes)
                return found
        raise AssertionError("no file in the upload")

    def _send(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        self._send_bytes(status, json.dumps(body).encode(), "application/json", None, headers)

    def _send_bytes(
        self,
        status: int,
        content: bytes,
        kind: str,
        length: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def name_of(body: dict[str, Any]) -> str:
    """A request's name: the same as the kept replies have it."""
    text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def drawn_bit(name: str, place: int = 0) -> bool:
    return bool(int(name[-1 - place], 16) & 1)


def _text(asked: str, name: str) -> str:
    drawn = random.Random(name)
    if GUIDANCE_MARK in asked:
        return drawn.choice(LINES)
    return " ".join(drawn.sample(SENTENCES, 7))


def _leak(asked: str) -> str:
    """The first words of what will be written next, as the request has them."""
    told = asked.split("(for you alone) ===")[1].split("=== Your task")[0]
    return " ".join(told.split()[:12]).rstrip(".,;:!?\"'”")


def _lines(values: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--latency", type=float, default=0.05, help="seconds before each reply")
    parser.add_argument("--faults", nargs="*", default=[], metavar="NAME=PROBABILITY")
    given = parser.parse_args()
    faults = {
        name: float(value) for name, _, value in (each.partition("=") for each in given.faults)
    }
    stand_in = StandIn(faults=faults, latency=given.latency).start(given.port)
    print(f"{stand_in.url} · model {MODEL} · key {KEY}")
    try:
        while True:
            time.sleep(5)
            print(f"{sum(stand_in.received.values())} requests, {len(stand_in.answered)} answered")
    except KeyboardInterrupt:
        stand_in.stop()


if __name__ == "__main__":
    main()
