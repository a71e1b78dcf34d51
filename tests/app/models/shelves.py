"""A shelf that plays a script: offers, a Hub that answers, downloads that go as they are told."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from storytui.engine.api import EngineError
from storytui.engine.model_info import Adapter
from storytui.engine.scripted import ScriptedEngine, reply
from storytui.models.offers import (
    Fetch,
    FetchCancelledError,
    Fetched,
    FetchEndedError,
    Offer,
    Offers,
    Used,
)

BUILT_IN = Offer(
    "built-in",
    "SmolLM2-135M-Instruct (built in)",
    "here",
    kind="Q4_1",
    size=98_000_000,
    verdict="fits fully: 8k context, 0.6 of 8.0 GiB",
    good_at="Shows how the program works.",
    licence="Apache-2.0",
    path=Path("built-in.gguf"),
    in_use=True,
)
CRA = Offer(
    "cra-v1-7b",
    "CRA-v1 7B",
    "catalogue",
    kind="Q4_K_M",
    size=4_680_000_000,
    verdict="fits fully: 16k context, 5.5 of 8.0 GiB",
    good_at="Continues a story a few sentences at a time and thinks about its people first.",
    licence="Apache-2.0",
    details=("From molbal/CRA-v1-7B on Hugging Face.", "Made from Qwen/Qwen2.5-7B-Instruct."),
)
QWEN = Offer(
    "qwen3-8b",
    "Qwen3 8B",
    "catalogue",
    kind="Q4_K_M",
    size=5_030_000_000,
    verdict="fits at 16k with q8_0 keys and values, 6.6 of 8.0 GiB",
    good_at="General.",
    licence="Apache-2.0",
)
NEMO = Offer(
    "mistral-nemo-12b",
    "Mistral Nemo Instruct 12B",
    "catalogue",
    kind="Q4_K_M",
    size=7_480_000_000,
    verdict="too big by 0.3 GiB",
    fits=False,
    good_at="Prose.",
    licence="Apache-2.0",
)
REPOSITORY = Offer("someone/Tales-GGUF", "someone/Tales-GGUF", "repository", licence="MIT")
FILE = Offer("someone/Tales-GGUF:tales.gguf", "tales.gguf", "hub", kind="Q5_K_M", size=5 * 10**9)
OFFERS = Offers(
    "NVIDIA RTX 3080 Laptop · 8.0 GiB, 7.4 free", (BUILT_IN, CRA, QWEN, NEMO), best=CRA.id
)


@dataclass
class ScriptedFetch:
    """Goes on when it is told to."""

    path: Path
    steps: list[Fetched] = field(default_factory=list)
    problem: str = ""
    go: threading.Event = field(default_factory=threading.Event)
    cancelled: threading.Event = field(default_factory=threading.Event)

    def run(self, told: Callable[[Fetched], None]) -> Path:
        for each in self.steps:
            told(each)
        while not self.go.wait(0.01):
            if self.cancelled.is_set():
                raise FetchCancelledError("It was ended.")
        if self.cancelled.is_set():
            raise FetchCancelledError("It was ended.")
        if self.problem:
            raise FetchEndedError(self.problem)
        return self.path

    def cancel(self) -> None:
        self.cancelled.set()


@dataclass
class ScriptedShelf:
    """What was asked of it is remembered."""

    looked: Offers = OFFERS
    found: tuple[Offer, ...] = (REPOSITORY,)
    problem: str = ""
    fetches: list[ScriptedFetch] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    engines: list[ScriptedEngine] = field(default_factory=list)
    refuses: str = ""
    only_now: str = ""
    adapters: tuple[Adapter, ...] = ()
    """What is laid over the model that is chosen."""
    noted: list[str] = field(default_factory=list)
    closed: bool = False

    def offers(self) -> Offers:
        return self.looked

    def search(self, query: str) -> tuple[Offer, ...]:
        self.asked.append(("search", query))
        if self.problem:
            raise EngineError(self.problem)
        return self.found

    def files(self, repository: str) -> tuple[Offer, ...]:
        self.asked.append(("files", repository))
        return (FILE,)

    def fetch(self, offer: Offer) -> Fetch:
        self.asked.append(("fetch", offer.id))
        return self.fetches.pop(0)

    def use(self, path: Path, called: str = "") -> Used:
        self.asked.append(("use", called or str(path)))
        if self.refuses:
            raise EngineError(self.refuses)

        def make() -> ScriptedEngine:
            self.engines.append(ScriptedEngine([reply("Otherwise.", f"\n\nBy {path.stem}.")] * 3))
            return self.engines[-1]

        return Used(make, self.only_now, self.adapters)

    def fetching(self, offer: Offer | None) -> None:
        self.noted.append("" if offer is None else offer.name)

    def close(self) -> None:
        self.closed = True
