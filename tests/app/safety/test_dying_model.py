"""The model's process dies, hangs or talks nonsense at every step; no character is lost.

The real editor and the real engine, with a fake child, while she types and takes in between.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from faulty_child import MOMENTS

from storytui.app.app import build_app
from storytui.app.engine_room import EngineRoom
from storytui.engine.messages import ModelConfig
from storytui.engine.patience import Backoff, Limits
from storytui.engine.process import ProcessEngine
from storytui.manuscript.journal import read_journal
from storytui.manuscript.opening import open_manuscript
from storytui.settings import AheadSettings, Settings
from storytui.story.joining import join

STORY = "The lamp had been out for eleven minutes."
CHILD = Path(__file__).with_name("once_faulty_child.py")
LOADING = 6
"""Moments before the model is loaded."""
STEPS = MOMENTS - 2
"""All moments of a request that is not the first: how long a prompt is without the story is known
by then."""
DEADLINE = 60.0


class Writer:
    """Types and takes, and knows what the text must be."""

    def __init__(self, app: Any, pilot: Any, engine: ProcessEngine, order: Path) -> None:
        self.screen, self.pilot, self.engine, self.order = app.writing, pilot, engine, order
        self.command: list[str] = []
        """What runs as the child."""
        self.text = STORY
        self.deaths = 0
        self.told: list[str] = []
        complain = self.screen.complain

        def hear(text: str) -> None:
            self.told.append(text)
            complain(text)

        self.screen.complain = hear

    async def until(self, true: Any) -> None:
        async with asyncio.timeout(DEADLINE):
            while not true():
                await self.pilot.pause()

    async def ready(self) -> None:
        await self.until(lambda: self.screen.status.engine == "loaded")

    async def type(self, text: str) -> None:
        await self.pilot.press(*text)
        self.text += text
        self.check()

    async def take(self) -> None:
        """Take all that can be taken of what came."""
        desk = self.screen.flow.desk
        span = desk.take.rest() if desk.take is not None and desk.here else None
        if span is not None:
            begin, end = span
            joined = join(self.text, desk.take.answer[begin:end], "", first=begin == 0)
            self.text = self.text[: len(self.text) - joined.drop] + joined.text
            self.screen.flow.accept_rest()
            await self.pilot.pause()
        self.check()

    async def go_on(self) -> None:
        await self.pilot.press("ctrl+g")
        await self.until(lambda: not self.screen.flow.room.busy)

    def check(self) -> None:
        assert self.screen.area.text == self.text

    async def goes_wrong(self, moment: int, fault: str) -> None:
        """One step of the protocol goes wrong while she writes."""
        self.order.write_text(f"{moment} {fault}", encoding="ascii")
        self.told.clear()
        died = self.deaths
        # The end of a child that nobody has asked for anything.
        os.kill(self.engine.pid or 0, signal.SIGKILL)
        await self.type("a")
        await self.until(lambda: self.deaths > died)
        await self.until(lambda: not self.order.exists())
        await self.type("b")
        if moment >= LOADING:
            await self.ready()
            assert len(self.told) == 1
            self.told.clear()
            await self.go_on()
            await self.type("c")
        await self.until(lambda: self.deaths > died + 1)
        await self.ready()
        assert len(self.told) == 1
        self.screen.flow.go_to_place()
        await self.pilot.press("end")
        await self.take()
        assert self.screen.safekeeping.flush()

    async def writes_again(self) -> None:
        """The next key brings a whole reply."""
        self.screen.area.move_to(len(self.text))
        await self.go_on()
        take = self.screen.flow.desk.take
        assert (take.answer, take.state) == ("She came in.", "complete")
        await self.take()


@asynccontextmanager
async def writing(tmp_path: Path, *, most: int = 10**6) -> AsyncIterator[Writer]:
    path, order = tmp_path / "story.md", tmp_path / "order"
    path.write_text(STORY, encoding="utf-8")
    command = [sys.executable, "-P", str(CHILD), str(order)]
    engine = ProcessEngine(
        ModelConfig(path="played.gguf"),
        command=command,
        limits=Limits(silence=2.0, standstill=60.0),
        backoff=Backoff(delays=(0.0,), most=most),
    )
    writers: list[Writer] = []

    def count(message: Any) -> None:
        if isinstance(message, EngineRoom.Died) and writers and not hasattr(message, "counted"):
            message.counted = True
            writers[0].deaths += 1

    app = build_app(
        # What is done ahead would come at moments of its own.
        settings=Settings(ahead=AheadSettings(how_far="off")),
        opened=open_manuscript(tmp_path / "manuscripts", path),
        engine_factory=lambda: engine,
    )
    async with app.run_test(size=(100, 30), message_hook=count) as pilot:
        writer = Writer(app, pilot, engine, order)
        writer.command = command
        writers.append(writer)
        await writer.until(lambda: app.writing.flow)
        await writer.ready()
        app.writing.area.move_to(len(STORY))
        yield writer
    # Nothing was saved, and the journal has it all.
    assert path.read_text(encoding="utf-8") == STORY
    (journal,) = tmp_path.glob("manuscripts/*/journal-*")
    recovered = read_journal(journal)
    assert recovered is not None
    assert recovered.text == writer.text


@pytest.mark.parametrize(
    ("fault", "moments"),
    [
        ("SIGKILL", range(STEPS)),
        ("exit-3", range(0, STEPS, 3)),
        ("noise", range(1, STEPS, 3)),
        ("half", range(2, STEPS, 3)),
        ("SIGSTOP", range(2, STEPS - 1, 4)),
    ],
)
async def test_whatever_befalls_the_model_at_any_step_costs_no_character(
    tmp_path: Path, fault: str, moments: range
) -> None:
    async with writing(tmp_path) as writer:
        await writer.writes_again()
        for moment in moments:
            await writer.goes_wrong(moment, fault)
            await writer.writes_again()


async def test_every_step_is_counted(tmp_path: Path) -> None:
    async with writing(tmp_path) as writer:
        await writer.writes_again()
        writer.order.write_text(f"{STEPS} SIGKILL", encoding="ascii")
        os.kill(writer.engine.pid or 0, signal.SIGKILL)
        await writer.until(lambda: not writer.order.exists())
        await writer.ready()
        await writer.writes_again()
        assert writer.deaths == 1
        # The next step is the first of the next request.
        await writer.go_on()
        await writer.until(lambda: writer.deaths == 2)


async def test_a_model_that_keeps_dying_is_given_up_until_the_next_key(tmp_path: Path) -> None:
    async with writing(tmp_path, most=3) as writer:
        no_child = list(writer.command)
        writer.command[:] = [sys.executable, "-c", "raise SystemExit(3)"]
        os.kill(writer.engine.pid or 0, signal.SIGKILL)
        await writer.until(lambda: writer.screen.status.engine == "no model")
        await writer.type("Rain.")
        assert writer.deaths == 3
        assert len(writer.told) == 2
        assert "SIGKILL" in writer.told[0]
        assert "3 times in a row" in writer.told[1]
        writer.command[:] = no_child
        await writer.go_on()
        await writer.ready()
        await writer.take()
        assert writer.text.endswith("Rain. She came in.")
