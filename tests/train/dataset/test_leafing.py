"""Leafing through rows: keys, pages, marks; in a real terminal and without one."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from example_rows import SOURCE, row
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from storytui.story.visible import visible
from storytui_train.data.dataset.keyboard import key_names
from storytui_train.data.dataset.leafing import Leafing
from storytui_train.data.dataset.marks import Mark, load_marks
from storytui_train.data.dataset.pages import cells, lay_out, limits, seen, wrapped
from storytui_train.data.dataset.reading import RowList, marks_of
from storytui_train.data.dataset.showing import show
from storytui_train.data.examples import Row
from storytui_train.errors import TrainError

LONG = "\n\n".join(f"Paragraph {each} of the story. " + "It was dark. " * 9 for each in range(30))
ROWS = [
    row(1),
    row(2, split="test", context=LONG, continuation=LONG, reasoning="A plan. " * 90),
    row(
        3, source=structs.replace(SOURCE, id="gutenberg-84", title="Frankenstein", author="Shelley")
    ),
]


def write_rows(path: Path, rows: list[Row]) -> Path:
    path.write_bytes(b"".join(msgspec.json.encode(each) + b"\n" for each in rows))
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "rows.jsonl", ROWS)


# --- pages ----------------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


@given(TEXT, st.integers(4, 60))
def test_no_line_is_wider_than_its_column_and_no_letter_is_lost(text: str, width: int) -> None:
    lines = wrapped(text, width)

    assert all(cells(each) <= width for each in lines)
    kept = re.sub(r"\s", "", "".join(lines))
    assert kept == re.sub(r"\s", "", visible(text.expandtabs(4)))


def test_words_are_whole_where_they_fit() -> None:
    assert wrapped("It was dark and cold.\n\n  Then so", 9) == [
        *("It was", "dark and", "cold.", "", "  Then so"),
    ]
    assert wrapped("Donaudampfschiff", 6) == ["Donaud", "ampfsc", "hiff"]
    assert wrapped("物語物語", 5) == ["物語", "物語"]


@pytest.mark.parametrize("width", [30, 80, 99, 100, 160])
@pytest.mark.parametrize("height", [5, 24, 60])
def test_a_page_has_the_screens_size(width: int, height: int) -> None:
    for each in ROWS:
        page = lay_out(each, width)
        up, down = limits(page, height)
        for scroll in {up, 0, down}:
            lines = seen(page, height, scroll)
            assert len(lines) == height
            assert all(cells(line) <= width for line in lines)


def test_parts_stand_beside_each_other_and_the_context_shows_its_end() -> None:
    lines = seen(lay_out(ROWS[1], 120), 30, 0)

    assert any(re.search(r"CONTEXT +│ PLAN +│ CONTINUATION", line) for line in lines)
    context = " ".join(line.split("│")[0].strip() for line in lines[4:])
    assert "Paragraph 29" in context
    assert "Paragraph 3 " not in context
    assert "Paragraph 0 of" in " ".join(line.split("│")[-1].strip() for line in lines[4:])


def test_on_a_narrow_screen_they_stand_below_each_other() -> None:
    text = "\n".join(seen(lay_out(ROWS[0], 80), 40, 0))

    assert text.index("── CONTEXT") < text.index("── PLAN") < text.index("── CONTINUATION")
    long = "\n".join(seen(lay_out(ROWS[1], 80), 24, 0))
    assert "── PLAN" in long
    assert "Paragraph 29" in long


def test_scrolling_reaches_both_ends() -> None:
    for width in (80, 120):
        page = lay_out(ROWS[1], width)
        up, down = limits(page, 24)

        assert "Paragraph 0 of" in " ".join(" ".join(seen(page, 24, up)).split())
        last = " ".join(line.split("│")[-1].strip() for line in seen(page, 24, down))
        assert "Paragraph 29" in last
        assert last.rstrip().endswith("dark.")


def test_nothing_in_a_row_speaks_to_the_terminal() -> None:
    evil = row(
        9,
        context="Dark\x1b]52;c;aGk=\x07.",
        reasoning="\x9b2J plan",
        continuation=" \u202ego\r on",
        guidance="\x1b[31m",
        chapter="\x1b[2J\n\nII",
        source=structs.replace(SOURCE, title="A\x1b[5mB"),
        id="a\x1b[1mb",
    )
    for width in (80, 120):
        text = "".join(seen(lay_out(evil, width), 40, 0))
        assert not any(unicodedata.category(each) in ("Cc", "Cf") for each in text)


# --- keys -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "keys"),
    [
        ("n", ["n"]),
        ("\x1b[A\x1bOB", ["up", "down"]),
        ("\x1b[5~\x1b[6~", ["page up", "page down"]),
        ("\x1b", ["escape"]),
        ("\r\n\x7f", ["enter", "enter", "backspace"]),
        ("\x1b[200~x\x1b[201~", ["", "x", ""]),
        ("\x1b[1;5Aé", ["", "é"]),
        ("\x03\x04\x00", ["interrupt", "interrupt", ""]),
    ],
)
def test_what_a_terminal_sends_becomes_keys(sent: str, keys: list[str]) -> None:
    assert key_names(sent) == keys


class Shown:
    """Leafs through some rows, and keeps the marks."""

    def __init__(self, rows: list[Row], size: tuple[int, int] = (80, 24)) -> None:
        self.marks: list[Mark] = []
        self.bad: set[str] = set()
        self.leafing = Leafing(rows, self.bad, self.marks.append, size)

    def press(self, *keys: str) -> str:
        for each in keys:
            assert self.leafing.press(each)
        return "\n".join(self.leafing.screen())


def test_keys_go_from_row_to_row() -> None:
    shown = Shown(ROWS)

    assert "1 of 3" in shown.press()
    assert "2 of 3" in shown.press("n")
    assert "3 of 3" in shown.press("right")
    assert "That is the last row." in shown.press("n")
    assert "2 of 3" in shown.press("p")
    assert "1 of 3" in shown.press("g")
    assert "That is the first row." in shown.press("p")
    assert "3 of 3" in shown.press("G")


@pytest.mark.parametrize("key", ["q", "interrupt"])
def test_keys_end_it(key: str) -> None:
    assert not Shown(ROWS).leafing.press(key)


def test_scrolling_stops_at_the_ends_and_begins_anew_in_each_row() -> None:
    shown = Shown(ROWS)
    start = shown.press("n")

    assert shown.press("j", "j", "k", "k") == start
    assert shown.press(*["up"] * 3000) == shown.press("up")
    assert shown.press("p", "n") == start
    assert shown.press("page down") != start


def test_a_row_is_marked_and_unmarked() -> None:
    shown = Shown(ROWS)

    assert "MARKED BAD" in shown.press("n", "b")
    assert shown.bad == {ROWS[1].id}
    assert "MARKED BAD" not in shown.press("b")
    assert shown.marks == [Mark(ROWS[1].id, True), Mark(ROWS[1].id, False)]


def test_a_word_is_searched_for_round_the_end() -> None:
    shown = Shown(ROWS)

    assert "3 of 3" in shown.press("/", *"frankENSTEIN", "enter")
    assert "It is in this row only." in shown.press("/", "enter")
    assert "1 of 3" in shown.press("/", *"bell", "escape", "g")
    assert "/xy" in shown.press("/", *"xyz", "backspace")
    assert "No row holds xy." in shown.press("enter")
    assert "1 of 3" in shown.press("/", "backspace")


def test_while_a_word_is_typed_keys_are_letters() -> None:
    shown = Shown(ROWS)
    shown.press("/", "q", "n", "b")

    assert shown.marks == []
    assert not shown.leafing.press("interrupt")


def test_another_size_is_taken() -> None:
    shown = Shown(ROWS, (80, 24))
    shown.leafing.resize((140, 40))

    lines = shown.leafing.screen()
    assert len(lines) == 40
    assert any("│" in line for line in lines)
    shown.leafing.resize((1, 1))
    assert all(cells(line) <= 20 for line in shown.leafing.screen())


# --- rows in files --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        ({}, [1, 2, 3]),
        ({"split": "test"}, [2]),
        ({"id": ":3000-"}, [3]),
        ({"source": "frank"}, [3]),
        ({"source": "carroll"}, [1, 2]),
        ({"source": "gutenberg-84", "split": "test"}, []),
    ],
)
def test_rows_are_chosen(path: Path, options: dict[str, str], numbers: list[int]) -> None:
    rows = RowList(path, **options)

    assert [rows[each] for each in range(len(rows))] == [ROWS[each - 1] for each in numbers]


def test_a_folder_of_files_is_read_in_order(tmp_path: Path) -> None:
    folder = tmp_path / "split"
    folder.mkdir()
    for name, each in (("test", 0), ("train", 1), ("00003", 2)):
        write_rows(folder / f"{name}.jsonl", [ROWS[each]])
    (folder / "marks.jsonl").write_text('{"id":"x","bad":true}\n')

    assert RowList(folder).ids() == [ROWS[1].id, ROWS[0].id, ROWS[2].id]
    assert marks_of(folder) == tmp_path / "marks.jsonl"


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("none.jsonl", None, "There is no"),
        ("x.jsonl", b'{"id": "a"}\n', "Line 1 of .* is no row"),
        ("x.jsonl", b"\n\nhello\n", "Line 3 of .* is no row"),
        ("x.jsonl", b"\x1b]0;\x07", "is no row"),
    ],
)
def test_what_holds_no_rows_is_said(
    tmp_path: Path, name: str, data: bytes | None, said: str
) -> None:
    if data is not None:
        (tmp_path / name).write_bytes(data)

    with pytest.raises(TrainError, match=said) as caught:
        show(tmp_path / name)
    assert visible(str(caught.value)) == str(caught.value)


def test_an_empty_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(TrainError, match="holds no rows"):
        show(tmp_path)


def test_without_a_terminal_all_rows_are_printed(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert show(path, split="train") == 0

    out = capsys.readouterr().out
    assert "1 of 2" in out
    assert "2 of 2" in out
    assert "Frankenstein" in out
    assert "\x1b" not in out


def test_only_marked_rows_are_shown_where_asked(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(TrainError, match="No row is like that"):
        show(path, bad=True)
    (path.parent / "marks.jsonl").write_text(msgspec.json.encode(Mark(ROWS[2].id, True)).decode())

    assert show(path, bad=True) == 0
    assert "1 of 1 · gutenberg-11:3000-3100 · train · MARKED BAD" in capsys.readouterr().out


# --- a real terminal ------------------------------------------------------------------------------


def _heed_interrupts() -> None:
    """In the child: a shell has what it runs in the background ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Terminal:
    """`show` in a pseudo-terminal."""

    def __init__(self, path: Path) -> None:
        self.master, slave = pty.openpty()
        termios.tcsetwinsize(slave, (24, 120))
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        code = (
            "import sys, pathlib; from storytui_train.data.dataset.showing import show; "
            "sys.exit(show(pathlib.Path(sys.argv[1])))"
        )
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        environment.pop("COLUMNS", None)
        environment.pop("LINES", None)
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, str(path)],
            stdin=slave,
            stdout=slave,
            stderr=subprocess.PIPE,
            env=environment,
            # Of this session, so that it can be stopped: an orphaned group cannot.
            process_group=0,
            preexec_fn=_heed_interrupts,
        )
        self.seen = ""

    def until(self, text: str) -> None:
        """Read until something is shown."""
        seen = ""
        while text not in seen:
            assert select.select([self.master], [], [], 60)[0], f"no {text!r} in {seen!r}"
            seen += os.read(self.master, 65536).decode("utf-8", "replace")
        self.seen += seen

    def send(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def end(self) -> int:
        """Wait for its end; returns the exit status."""
        self.until("\x1b[?1049l")
        return self.process.wait(60)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def on_screen(path: Path) -> Iterator[Terminal]:
    screen = Terminal(path)
    screen.until("q quit")
    yield screen
    screen.close()


def test_keys_work_in_a_terminal_which_is_as_it_was_afterwards(
    on_screen: Terminal, path: Path
) -> None:
    assert not termios.tcgetattr(on_screen.slave)[3] & termios.ECHO
    on_screen.send("n")
    on_screen.until("2 of 3")
    on_screen.send("b")
    on_screen.until("MARKED BAD")
    on_screen.send("\x1b[C")
    on_screen.until("3 of 3")
    on_screen.send("q")

    assert on_screen.end() == 0
    assert termios.tcgetattr(on_screen.slave) == on_screen.before
    assert load_marks(path.parent / "marks.jsonl") == {ROWS[1].id}


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 0)]
)
def test_a_signal_leaves_the_terminal_as_it_was(
    on_screen: Terminal, number: signal.Signals, status: int
) -> None:
    on_screen.process.send_signal(number)

    assert on_screen.end() == status
    assert termios.tcgetattr(on_screen.slave) == on_screen.before


def test_a_stopped_program_gives_the_terminal_back_and_takes_it_again(on_screen: Terminal) -> None:
    on_screen.process.send_signal(signal.SIGTSTP)
    on_screen.until("\x1b[?1049l")
    os.waitid(os.P_PID, on_screen.process.pid, os.WSTOPPED)
    assert termios.tcgetattr(on_screen.slave) == on_screen.before

    on_screen.process.send_signal(signal.SIGCONT)
    on_screen.until("q quit")
    on_screen.send("q")
    assert on_screen.end() == 0


def test_a_resized_terminal_is_drawn_anew(on_screen: Terminal) -> None:
    assert "│" in on_screen.seen
    termios.tcsetwinsize(on_screen.slave, (30, 60))
    on_screen.process.send_signal(signal.SIGWINCH)

    on_screen.until("── PLAN")
    on_screen.send("q")
    assert on_screen.end() == 0


def test_a_pipe_that_closes_is_no_failure(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", ROWS * 400)
    code = (
        "import sys, pathlib; from storytui_train.data.dataset.showing import show; "
        "sys.exit(show(pathlib.Path(sys.argv[1])))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert b"1 of 1,200" in process.stdout.readline()
    process.stdout.close()

    assert process.stderr.read() == b""
    assert process.wait(60) == 0
    process.stderr.close()


def test_leafing_waits_for_no_library_of_the_stages() -> None:
    code = "import sys, storytui_train.data.dataset.showing; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    heavy = {"datasets", "pyarrow", "matplotlib", "datatrove", "httpx", "numpy", "huggingface_hub"}
    assert not heavy & {*done.stdout.split()}
