"""Whatever a writer does, and wherever the program is cut off, the text is what it ought to be.

A Hypothesis state machine drives the real editor (without a terminal, with a scripted model)
beside a plain string. `make torture` takes 20,000 steps and more.
"""

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from storytui.app import safekeeping
from storytui.app.app import StorytuiApp, build_app
from storytui.app.screens.compare import CompareScreen
from storytui.app.screens.confirm import ConfirmScreen
from storytui.engine.scripted import ScriptedEngine, reply
from storytui.manuscript.opening import open_manuscript
from storytui.settings import SamplingSettings, Settings
from storytui.story.joining import join

REASONING = "Let the silence do it."
ANSWERS = (
    ' "I knew," she said. He looked past her. He did not ask.',
    "\n\nThe wind leaned on the door.\n\nNobody came. Nobody ever had.",
    " It was late.",
)
STORY = "The lamp had been out for eleven minutes.\n\nShe waited. The sea did not.\n"
# No kept bytes: a file that has them and nothing else beyond ASCII is read as Windows-1252.
PIECES = st.text(st.sampled_from("abc .,\n“”é\0\x0c\u2028\x85🙂"), min_size=1, max_size=8)
PLACES = st.floats(0, 1, allow_nan=False)
DEADLINE = 20.0


async def end_of_program() -> None:
    """The order to end."""


class Program:
    """The editor, run from start to end in one task that takes orders."""

    def __init__(self, root: Path, path: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self._root, self._path = root, path
        self._orders: asyncio.Queue[tuple[Callable[..., Awaitable[Any]], Any]] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._runs = 0
        self.app: StorytuiApp
        self.pilot: Any
        self.do(None)

    def do(self, order: Callable[[], Awaitable[Any]] | None) -> Any:
        """Have something done inside the running editor, which is started where it is not."""
        return self.loop.run_until_complete(asyncio.wait_for(self._do(order), DEADLINE))

    async def _do(self, order: Callable[[], Awaitable[Any]] | None) -> Any:
        if self._task is None:
            self._ready = self.loop.create_future()
            self._task = self.loop.create_task(self._run())
            done, _ = await asyncio.wait(
                {self._ready, self._task}, return_when=asyncio.FIRST_COMPLETED
            )
            if self._task in done:
                await self._task
        if order is None:
            return None
        answer = self.loop.create_future()
        await self._orders.put((order, answer))
        return await answer

    async def _run(self) -> None:
        # A crashed session's process is gone; here it is the same one under another name.
        self._runs += 1
        safekeeping.session_name = lambda name=f"session-{self._runs}": name
        opened = open_manuscript(self._root, self._path)
        engine = ScriptedEngine([reply(REASONING, each) for each in ANSWERS] * 200)
        self.app = build_app(
            settings=Settings(sampling=SamplingSettings(seed=7)),
            opened=opened,
            engine_factory=lambda: engine,
        )
        async with self.app.run_test(size=(100, 30)) as self.pilot:
            await self.until(lambda: self.app.writing.flow)
            await self.until(lambda: self.app.writing.status.engine in ("loaded", "ready"))
            self._ready.set_result(None)
            while True:
                order, answer = await self._orders.get()
                if order is end_of_program:
                    break
                try:
                    answer.set_result(await order())
                except Exception as error:  # noqa: BLE001 - it goes to whoever ordered
                    answer.set_exception(error)
        answer.set_result(None)

    def crash(self) -> None:
        """The program is gone from one moment to the next, once the journal's rest is over."""
        screen = self.app.writing
        assert screen.safekeeping.flush()
        assert not screen.left
        self.do(end_of_program)
        assert self._task is not None
        self.loop.run_until_complete(asyncio.wait_for(self._task, DEADLINE))
        self._task = None

    async def until(self, true: Callable[[], object]) -> None:
        while not true():
            await self.pilot.pause()
        await self.pilot.pause()


class AnySession(RuleBasedStateMachine):
    """The editor beside a string."""

    steps = 0
    crashes = 0
    over: Callable[[], bool] = staticmethod(lambda: False)

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        below = Path(self.folder.name)
        self.path = below / "story.md"
        self.path.write_bytes(STORY.encode())
        self.text = self.on_disk = STORY
        self.earlier: list[str] = []
        self.later: list[str] = []
        self.seen = {STORY}
        self.accepted: list[tuple[str, str]] = []
        self.program = Program(below / "manuscripts", self.path)

    @property
    def area(self) -> Any:
        return self.program.app.writing.area

    def place(self, share: float) -> int:
        return round(share * len(self.text))

    def now(self, text: str) -> None:
        """The string after a step that can be undone."""
        AnySession.steps += 1
        if text != self.text:
            self.earlier.append(self.text)
            self.later.clear()
        self.text = text
        self.seen.add(text)

    def edit(self, do: Callable[[Any], None]) -> None:
        async def order() -> None:
            self.area.history.checkpoint()
            do(self.area)
            self.area.history.checkpoint()
            await self.program.pilot.pause()

        self.program.do(order)

    # --- what she does ----------------------------------------------------------------------------

    @rule(at=PLACES, piece=PIECES)
    def type(self, at: float, piece: str) -> None:
        offset = self.place(at)

        def do(area: Any) -> None:
            area.move_to(offset)
            area.insert(piece, area.location_of(offset))

        self.edit(do)
        self.accepted.clear()
        self.now(self.text[:offset] + piece + self.text[offset:])

    @rule(one=PLACES, other=PLACES, piece=st.one_of(st.just(""), PIECES))
    def replace(self, one: float, other: float, piece: str) -> None:
        begin, end = sorted((self.place(one), self.place(other)))
        end = min(end, begin + 40)
        if self.text[begin:end] == piece:
            return

        def do(area: Any) -> None:
            area.replace(piece, area.location_of(begin), area.location_of(end))

        self.edit(do)
        self.accepted.clear()
        self.now(self.text[:begin] + piece + self.text[end:])

    @precondition(lambda self: self.earlier)
    @rule()
    def undo(self) -> None:
        self.edit(lambda area: area.undo())
        AnySession.steps += 1
        self.accepted.clear()
        self.later.append(self.text)
        self.text = self.earlier.pop()

    @precondition(lambda self: self.later)
    @rule()
    def redo(self) -> None:
        self.edit(lambda area: area.redo())
        AnySession.steps += 1
        self.accepted.clear()
        self.earlier.append(self.text)
        self.text = self.later.pop()

    @rule(at=PLACES)
    def generate(self, at: float) -> None:
        offset = self.place(at)

        async def order() -> None:
            flow = self.program.app.writing.flow
            self.area.move_to(offset)
            flow.begin(again=False)
            await self.program.until(lambda: not flow.room.busy)

        # At another place there is nothing to give back.
        self.accepted.clear()
        self.program.do(order)
        AnySession.steps += 1

    @rule(kind=st.sampled_from(["next_sentence", "next_paragraph", "rest"]))
    def accept(self, kind: str) -> None:
        async def order() -> tuple[Any, int, str] | None:
            flow = self.program.app.writing.flow
            take, place = flow.desk.take, flow.desk.place
            span = getattr(take, kind)() if take is not None else None
            if span is None or place is None:
                return None
            self.area.move_to(place)
            flow._accept(span)
            await self.program.pilot.pause()
            return span, place, take.answer

        AnySession.steps += 1
        accepted = self.program.do(order)
        if accepted is not None:
            (begin, end), place, answer = accepted
            before = self.text
            joined = join(before[:place], answer[begin:end], before[place:], first=begin == 0)
            self.now(before[: place - joined.drop] + joined.text + before[place:])
            self.accepted.append((before, self.text))

    @precondition(lambda self: self.accepted)
    @rule()
    def give_back(self) -> None:
        before, after = self.accepted.pop()
        if after != self.text:
            return

        async def order() -> None:
            self.program.app.writing.flow.give_back()
            await self.program.pilot.pause()

        self.program.do(order)
        self.now(before)

    @rule()
    def save(self) -> None:
        async def order() -> bool:
            return bool(await self.program.app.writing.saving.save())

        AnySession.steps += 1
        assert self.program.do(order)
        self.on_disk = self.text

    # --- what happens to her ----------------------------------------------------------------------

    @rule(piece=PIECES, answer=st.sampled_from(["reload", "keep"]))
    def changed_on_disk(self, piece: str, answer: str) -> None:
        theirs = self.on_disk + piece.replace("\r", "")
        self.path.write_bytes(theirs.encode("utf-8", "surrogateescape"))
        if theirs == self.on_disk:
            return

        async def order() -> None:
            screen = self.program.app.writing
            screen.look_at_file()
            await self.program.until(lambda: isinstance(self.program.app.screen, ConfirmScreen))
            self.program.app.screen.dismiss(answer)
            await self.program.until(lambda: self.program.app.screen is screen)
            await self.program.app.workers.wait_for_complete(
                [each for each in self.program.app.workers if each.name == "look at the file"]
            )
            await self.program.pilot.pause()

        self.program.do(order)
        self.on_disk = theirs
        self.accepted.clear()
        if answer == "reload":
            self.now(theirs)

    @rule(keep=st.booleans(), chance=st.integers(0, 5))
    def crash(self, keep: bool, chance: int) -> None:
        # Starting anew takes as long as fifty other steps.
        if chance:
            return
        changed = self.text != self.on_disk
        AnySession.crashes += 1
        AnySession.steps += 1
        self.program.crash()

        async def order() -> None:
            if not changed:
                return
            screen = self.program.app.writing
            await self.program.until(lambda: isinstance(self.program.app.screen, CompareScreen))
            self.program.app.screen.dismiss("keep" if keep else "file")
            await self.program.until(lambda: self.program.app.screen is screen)

        self.program.do(order)
        recovered = self.text
        if changed and not keep:
            self.text = self.on_disk
            self.seen.add(self.text)
        self.later.clear()
        self.accepted.clear()
        self.go_back(recovered)

    def go_back(self, recovered: str) -> None:
        """What can be undone after a crash is something that was there before it."""

        async def order() -> str:
            text = str(self.area.text)
            self.area.undo()
            earlier = str(self.area.text)
            if earlier != text:
                self.area.redo()
            self.area.history.clear()
            return earlier

        earlier = self.program.do(order)
        assert earlier in self.seen | {recovered}, (earlier, self.text, self.earlier[-3:])
        self.earlier.clear()

    # --- what must hold ---------------------------------------------------------------------------

    @invariant()
    def the_page_is_the_string(self) -> None:
        if hasattr(self, "program"):
            assert self.area.text == self.text

    @invariant()
    def the_file_is_what_was_saved(self) -> None:
        if hasattr(self, "program"):
            found = self.path.read_bytes().decode("utf-8", "surrogateescape")
            assert found == self.on_disk

    def teardown(self) -> None:
        if hasattr(self, "program"):
            self.program.crash()
            self.program.loop.close()
            self.folder.cleanup()


@pytest.mark.usefixtures("home")
def test_no_session_ends_in_another_text_than_it_ought_to(
    budget: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(safekeeping, "session_name", lambda: "session-0")
    wanted = int(os.environ.get("STORYTUI_TORTURE_STEPS", "0"))
    AnySession.steps = AnySession.crashes = 0
    while not budget.spent if not wanted else AnySession.steps < wanted:
        run_state_machine_as_test(
            AnySession,
            settings=settings(
                max_examples=3,
                stateful_step_count=200,
                deadline=None,
                database=None,
                # A session that fails is told whole: making it shorter may take hours.
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            ),
        )
    with capsys.disabled():
        print(f"\nsessions: {AnySession.steps} steps, {AnySession.crashes} crashes, no difference")
    assert AnySession.steps > 50
