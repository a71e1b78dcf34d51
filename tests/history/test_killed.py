"""A process that keeps versions is killed: what it was told is kept, is kept."""

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from storytui.manuscript.history import History

PARAGRAPHS = [f"Paragraph {number} of a story.\n\n" for number in range(2000)]

WRITER = """
import itertools, sys
from pathlib import Path
from storytui.manuscript.history import History

history = History(Path(sys.argv[1]), cap_bytes=200_000)
paragraphs = [f"Paragraph {number} of a story.\\n\\n" for number in range(2000)]
for number in itertools.count():
    paragraphs[number % 2000] = f"Changed {number}."
    kept = history.add("".join(paragraphs), "saved", words=1)
    print(kept.number, number, flush=True)
"""


def as_it_was(number: int) -> str:
    paragraphs = list(PARAGRAPHS)
    for changed in range(number + 1):
        paragraphs[changed % 2000] = f"Changed {changed}."
    return "".join(paragraphs)


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX's")
@pytest.mark.parametrize("after", [1, 7, 24, 25, 40])
def test_every_version_that_was_kept_outlives_a_kill(tmp_path: Path, after: int) -> None:
    path = tmp_path / "history.sqlite3"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        for _ in itertools.islice(writer.stdout, after):
            pass
        writer.kill()
        told = [line.split() for line in writer.stdout.read().splitlines() if line.count(" ")]

    history = History(path)
    last_told = max([after - 1, *(int(number) for _, number in told)])
    versions = history.versions()
    assert history.moved_aside is None
    assert versions[0].number - 1 in (last_told, last_told + 1)
    for version in versions:
        assert history.text(version.number) == as_it_was(version.number - 1)
