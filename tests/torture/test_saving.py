"""Whatever system call of a save fails or is the last one, a whole text is there afterwards.

Each run is a new process under strace that opens a story and saves another text in its place,
with one call going wrong: the process is killed as it enters the call, or the call fails with an
errno. Only calls on the story's folder, the story, its other names, the temporary file and the
whole copy count; the victim fixes the random part of the last two's names so that strace can be
told of them. The calls of an undisturbed save are counted first, and each of them has its turn
with each fault. What comes back is compared with the texts byte for byte. A story whose owner is
another is among them only where root runs this.

Killing a process says nothing of a power cut: what was written stays in the system's memory.
That everything is forced to the disk in the right order is stated by tests/manuscript.

Losses are counted where the story is neither wholly old nor wholly new and no whole copy of the
new text is offered, where a save that said `saved` is not there, or one that said the file is as
it was has changed it.
"""

import os
import random
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from strace import ERRORS, Fault, calls, fired, needs_strace, run

from storytui.manuscript.file import StoryFile
from storytui.manuscript.leftovers import leftovers
from storytui.manuscript.saving_names import COPY, TEMPORARY, name_for

VICTIM = Path(__file__).with_name("saving_victim.py")
CALLS = (
    *("openat", "read", "write", "pwrite64", "fsync", "fdatasync", "ftruncate", "fallocate"),
    *("rename", "renameat", "renameat2", "fchmod", "fchown", "fsetxattr", "unlink", "unlinkat"),
)
WORKERS = 2
UMASK = os.umask(0o077)
os.umask(UMASK)
ROOT = os.name == "posix" and os.geteuid() == 0


@dataclass(frozen=True)
class Scene:
    """One way a story may lie on the disk, and what a save of it must do."""

    name: str
    calls: tuple[str, ...]
    """Those that must have gone wrong at least once."""
    in_place: bool = False
    new: bool = False
    """Whether there is no file yet."""
    arguments: tuple[str, ...] = ()
    larger: bool = True
    """Whether the new text is larger than the old."""

    def __str__(self) -> str:
        return self.name


REPLACED = ("openat", "write", "fsync", "rename", "fchmod")
IN_PLACE = ("openat", "write", "fsync", "unlink", "ftruncate")
SCENES = [
    Scene("replaced", REPLACED),
    Scene("shorter", REPLACED, larger=False),
    Scene("new", REPLACED, new=True),
    Scene("linked", REPLACED),
    Scene("attributes", (*REPLACED, "fsetxattr")),
    *([Scene("another owner's", (*REPLACED, "fchown"))] if ROOT else []),
    Scene("two names", IN_PLACE, in_place=True),
    Scene("two names, shorter", IN_PLACE, in_place=True, larger=False),
    Scene("no rename", IN_PLACE, in_place=True, arguments=("refuse-rename",)),
]


@dataclass
class Stage:
    """The folders of one run."""

    scene: Scene
    folder: Path
    seed: int
    others: dict[Path, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lot = random.Random(self.seed)
        sizes = sorted([lot.randrange(1, 4000), lot.randrange(4000, 600_000)])
        old, new = sizes if self.scene.larger else sizes[::-1]
        self.old, self.new = text_of(b"Once. \xe2\x80\x94\n", old), text_of(b"Twice\r\n", new)
        self.stories, self.spare = self.folder / "stories", self.folder / "spare"
        self.story, self.opened = self.stories / "story.md", self.stories / "story.md"
        for folder in (self.stories, self.spare):
            folder.mkdir(parents=True)
            self.others[folder / "bystander"] = b"untouched"
        for path, data in self.others.items():
            path.write_bytes(data)
        self.text = self.folder / "new"
        self.text.write_bytes(self.new)
        if not self.scene.new:
            self._lay()

    def _lay(self) -> None:
        self.story.write_bytes(self.old)
        self.story.chmod(0o640)
        if self.scene.name.startswith("two names"):
            (self.stories / "other.md").hardlink_to(self.story)
        if self.scene.name == "linked":
            self.opened = self.folder / "link.md"
            self.opened.symlink_to(self.story)
        if self.scene.name == "attributes":
            os.setxattr(self.story, "user.author", b"her")
        if self.scene.name == "another owner's":
            os.chown(self.story, 1234, 1234)

    @property
    def watched(self) -> list[Path]:
        """The paths whose calls count."""
        # The new text goes out with the story's own line break, which the old one shows.
        written = StoryFile.read(self.opened).bytes_of(self.new.decode())
        beside = self.stories / name_for(self.story, written, TEMPORARY)
        copy = self.spare / name_for(self.story, written, COPY)
        made = [path.with_name(unmarked(path.name)) for path in (beside, copy)]
        return [self.stories, self.spare, self.story, self.opened, *made]

    def play(self, fault: Fault | None) -> "Outcome":
        """Save with this fault."""
        log = self.folder / "log"
        command = [VICTIM, self.opened, self.text, self.spare, *self.scene.arguments]
        ended = run(command, paths=self.watched, log=log, fault=fault)
        killed = ended.returncode < 0 or ended.returncode == 137
        assert killed or ended.returncode == 0, (fault, ended.stderr)
        return Outcome(
            calls(log),
            happened=fault is not None and fired(log),
            losses=list(self._losses(ended.stdout.strip(), killed)),
        )

    def _losses(self, said: str, killed: bool) -> Iterator[str]:
        """What is wrong after the save, in words."""
        if bool(said) == killed:
            yield f"it said {said!r}"
        found = self.story.read_bytes() if self.story.exists() else None
        is_old = found == (None if self.scene.new else self.old)
        is_new = found == self.new
        left = leftovers(self.opened, self.spare)
        offered = any(each.whole and each.path.read_bytes() == self.new for each in left)
        if said == "saved" and not is_new:
            yield "it said saved, and is not there"
        if "the file is as it was" in said and not is_old:
            yield "it said that the file is as it was, and it is not"
        if not is_old and not is_new and not (self.scene.in_place and offered):
            yield "neither old nor new, and no whole copy"
        yield from self._strangers({each.path for each in left})
        if found is not None:
            yield from self._unlike(found)
        yield from self._second_save()

    def _strangers(self, known: set[Path]) -> Iterator[str]:
        """What was touched besides the story."""
        expected = {self.story, self.stories / "other.md", *self.others, *known}
        there = {*self.stories.iterdir(), *self.spare.iterdir()}
        if there - expected:
            yield f"left unknown: {there - expected}"
        if any(path.read_bytes() != data for path, data in self.others.items()):
            yield "a bystander was touched"

    def _unlike(self, found: bytes) -> Iterator[str]:
        """What the story's file has lost besides its text."""
        mode = self.story.stat().st_mode & 0o777
        if mode != (0o666 & ~UMASK if self.scene.new else 0o640):
            yield f"its mode is {mode:o}"
        if self.scene.name == "linked" and not self.opened.is_symlink():
            yield "the link is gone"
        if self.scene.name.startswith("two names"):
            other = self.stories / "other.md"
            if not other.samefile(self.story) or other.read_bytes() != found:
                yield "the other name is another file"
        if self.scene.name == "attributes" and os.listxattr(self.story) != ["user.author"]:
            yield "its attribute is gone"
        if self.scene.name == "another owner's" and self.story.stat().st_uid != 1234:
            yield "its owner is gone"

    def _second_save(self) -> Iterator[str]:
        again = StoryFile.read(self.opened)
        again.spare = self.spare
        again.save("Saved again.\n")
        if self.story.read_bytes() != again.bytes_of("Saved again.\n"):
            yield "a second save did not work"


@dataclass(frozen=True)
class Outcome:
    """What came of one run."""

    calls: dict[str, int]
    happened: bool
    losses: list[str]


def text_of(line: bytes, size: int) -> bytes:
    return line * (size // len(line) + 1)


def unmarked(name: str) -> str:
    """A temporary file's name with the random part that the victim fixes."""
    head, _, tail = name.rpartition("-")
    return f"{head}-{bytes(4).hex()}.{tail.partition('.')[2]}"


def every_fault(counted: dict[str, int]) -> Iterator[Fault]:
    """Each call with each fault, and a kill at one more than are made."""
    for call in CALLS:
        count = counted.get(call, 0)
        for number in range(1, count + 1):
            yield Fault(call, number)
            yield from (Fault(call, number, error) for error in (*ERRORS, "EDQUOT"))
        yield Fault(call, count + 1)


@dataclass
class Tally:
    """What is printed at the end."""

    runs: int = 0
    faults: int = 0
    losses: list[str] = field(default_factory=list)
    hit: set[tuple[str, str]] = field(default_factory=set)


@needs_strace
def test_a_save_that_goes_wrong_loses_nothing(tmp_path: Path, budget, capsys) -> None:
    tally = Tally()
    first: list[tuple[Scene, Fault]] = []
    rest: list[tuple[Scene, Fault]] = []
    made: dict[tuple[Scene, str], int] = {}
    for scene in SCENES:
        whole = Stage(scene, tmp_path / f"whole {scene}", seed=0).play(None)
        assert not whole.losses, (scene, whole.losses)
        assert all(whole.calls.get(call) for call in scene.calls), (scene, whole.calls)
        # The last call of each kind is one of the save itself, not of the reading before it.
        ends = {Fault(call, whole.calls[call]) for call in scene.calls}
        made |= {(scene, call): whole.calls.get(call, 0) for call in CALLS}
        for fault in every_fault(whole.calls):
            (first if fault in ends else rest).append((scene, fault))
    random.Random(4).shuffle(rest)
    every = first + rest

    def one(number: int, scene: Scene, fault: Fault) -> None:
        folder = tmp_path / f"{number}"
        outcome = Stage(scene, folder, seed=number // len(every)).play(fault)
        shutil.rmtree(folder)
        # Later rounds have texts of other sizes, and so other numbers of calls.
        counted = number >= len(every) or fault.number <= made[scene, fault.call]
        assert counted or not outcome.happened, fault
        tally.runs += 1
        tally.faults += outcome.happened
        if outcome.happened:
            tally.hit.add((scene.name, fault.call))
        tally.losses += [f"{scene}, {fault.injection}: {each}" for each in outcome.losses]

    rounds = chain.from_iterable(every for _ in iter(int, 1)) if budget.seconds > 600 else every
    at_once(
        lambda: budget.spent and tally.runs >= len(first),
        one,
        ((number, *each) for number, each in enumerate(rounds)),
    )

    with capsys.disabled():
        print(
            f"\nsaving: {tally.runs} runs ({len(every)} a round), {tally.faults} faults, "
            f"{len(tally.losses)} losses"
        )
    assert not tally.losses, "\n".join(tally.losses)
    wanted = {(scene.name, call) for scene in SCENES for call in scene.calls}
    assert wanted <= tally.hit, wanted - tally.hit


def at_once(
    over: Callable[[], bool],
    one: Callable[[int, Scene, Fault], None],
    work: Iterator[tuple[int, Scene, Fault]],
) -> None:
    """Do the work, some at a time, until it is done or the time is over."""
    with ThreadPoolExecutor(WORKERS) as pool:
        going: set[Future[None]] = set()
        for each in work:
            if len(going) >= WORKERS:
                done, going = wait(going, return_when=FIRST_COMPLETED)
                for ended in done:
                    ended.result()
            if over():
                break
            going.add(pool.submit(one, *each))
        for ended in wait(going).done:
            ended.result()
