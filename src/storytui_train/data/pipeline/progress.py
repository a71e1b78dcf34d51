"""How far a stage is: pieces of work leave a mark each, and one thread shows them as a bar."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SECONDS_BETWEEN = 0.3


class Marks:
    """The marks of one task; made in the process that does it."""

    def __init__(self, folder: Path, rank: int) -> None:
        """Begin without a mark; those of an earlier try are taken back."""
        folder.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
        self._file = os.open(folder / f"{rank:05d}", flags, 0o644)

    def one(self) -> None:
        """One more is done."""
        os.write(self._file, b".")

    def close(self) -> None:
        """No more will come."""
        os.close(self._file)


def count_marks(folder: Path) -> int:
    """The marks that were made so far."""
    try:
        return sum(each.stat().st_size for each in os.scandir(folder))
    except FileNotFoundError:
        return 0


@contextmanager
def shown(name: str, folder: Path, total: int, unit: str) -> Iterator[None]:
    """Show a bar meanwhile: count, rate and time left. Only where somebody looks at a terminal.

    Args:
        name: of what is done, as the user reads it.
        folder: where the tasks leave their marks.
        total: marks that there will be; 0: not known.
        unit: what is counted, in the plural.
    """
    if not sys.stderr.isatty():
        yield
        return
    from tqdm import tqdm

    over = threading.Event()
    bar = tqdm(total=total or None, desc=name, unit=f" {unit}", leave=False, file=sys.stderr)

    def follow() -> None:
        while not over.wait(SECONDS_BETWEEN):
            bar.n = min(count_marks(folder), total or sys.maxsize)
            bar.refresh()

    thread = threading.Thread(target=follow, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        bar.close()


def in_words(seconds: float) -> str:
    """A length of time as people say it: `8.2 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = clock()

    def seconds(self) -> float:
        """Seconds since then."""
        return self._clock() - self._began
