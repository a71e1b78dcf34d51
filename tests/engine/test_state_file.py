"""What a model had read is kept in a file, and nothing but that file is ever taken up."""

import errno
import os
import shutil
import stat
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storytui.engine.api import EngineError
from storytui.engine.messages import ModelConfig
from storytui.engine.model_info import ModelInfo
from storytui.engine.state_file import KeptState, ModelIdentity, identity_of, keep, take_up

ROOM = 1 << 30
IDENTITY = ModelIdentity(
    path="/models/small.gguf",
    size=1000,
    mtime_ns=1,
    sample="ab" * 32,
    library="0.3.36",
    context=4096,
    cache_type="f16",
    backend="CPU",
    gpu_layers=0,
    whole_windows=None,
)
STATE = KeptState(
    model=IDENTITY, tokens=(1, 5, 9, 5), exact=3, logits=struct.pack("<4f", 1, 2, 3, 4)
)


@dataclass
class FakeMemory:
    """A model's memory that keeps its state as llama.cpp does: tokens first, then the rest."""

    cells: bytes = b"cells" * 40
    loads: int = 0
    cleared: int = 0
    taken_up: bytes | None = None
    fails: Callable[[Path], int] | None = None
    """What saving does instead."""
    loaded_tokens: list[int] | None = None
    """What loading says that it found instead."""
    modes: list[int] = field(default_factory=list)

    def state_size(self) -> int:
        return len(self.cells)

    def save_state(self, path: Path, tokens: Sequence[int]) -> int:
        self.modes.append(stat.S_IMODE(path.stat().st_mode))
        if self.fails is not None:
            return self.fails(path)
        blob = struct.pack(f"<I{len(tokens)}i", len(tokens), *tokens) + self.cells
        path.write_bytes(blob)
        return len(blob)

    def load_state(self, path: Path, most: int) -> list[int]:
        self.loads += 1
        raw = path.read_bytes()
        (count,) = struct.unpack_from("<I", raw)
        if count > most:
            raise EngineError("too many tokens")
        self.taken_up = raw[4 + 4 * count :][: len(self.cells)]
        return self.loaded_tokens or list(struct.unpack_from(f"<{count}i", raw, 4))

    def clear(self) -> None:
        self.cleared += 1


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "read-ab.state"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a good file."""
    path = tmp_path_factory.mktemp("whole") / "a.state"
    assert keep(path, STATE, FakeMemory(), ROOM)
    return path.read_bytes()


# --- there and back -------------------------------------------------------------------------------


def test_what_was_kept_is_taken_up(path: Path) -> None:
    memory = FakeMemory()

    assert keep(path, STATE, FakeMemory(), ROOM)
    assert take_up(path, IDENTITY, memory) == STATE
    assert memory.taken_up == memory.cells


@settings(max_examples=40, deadline=None)
@given(
    tokens=st.lists(st.integers(0, 2**31 - 1), max_size=300),
    logits=st.binary(max_size=400),
    cells=st.binary(min_size=1, max_size=3_000_000) | st.just(bytes(3 << 20)),
    data=st.data(),
)
def test_any_state_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory,
    tokens: list[int],
    logits: bytes,
    cells: bytes,
    data: st.DataObject,
) -> None:
    path = tmp_path_factory.mktemp("state") / "a.state"
    exact = data.draw(st.integers(0, len(tokens)))
    kept = KeptState(model=IDENTITY, tokens=tuple(tokens), exact=exact, logits=logits)
    memory = FakeMemory(cells)

    assert keep(path, kept, FakeMemory(cells), ROOM)
    assert take_up(path, IDENTITY, memory) == kept
    assert memory.taken_up == cells


def test_the_next_one_takes_its_place(path: Path) -> None:
    later = msgspec.structs.replace(STATE, tokens=(7, 8), exact=2)

    keep(path, STATE, FakeMemory(), ROOM)
    keep(path, later, FakeMemory(), ROOM)

    assert take_up(path, IDENTITY, FakeMemory()) == later
    assert os.listdir(path.parent) == [path.name]


def test_it_can_be_taken_up_again_and_again(path: Path) -> None:
    keep(path, STATE, FakeMemory(), ROOM)

    assert [take_up(path, IDENTITY, FakeMemory()) for _ in range(3)] == [STATE] * 3


def test_taking_it_up_counts_as_using_it(path: Path) -> None:
    keep(path, STATE, FakeMemory(), ROOM)
    os.utime(path, (1000, 1000))

    take_up(path, IDENTITY, FakeMemory())

    assert path.stat().st_mtime > 1000


def test_where_there_is_none_there_is_none(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert take_up(path, IDENTITY, FakeMemory()) is None
    assert capfd.readouterr().err == ""


@pytest.mark.skipif(os.name != "posix", reason="permissions are those of POSIX")
def test_nobody_else_can_read_it_from_its_first_byte_on(path: Path) -> None:
    memory = FakeMemory()
    before = os.umask(0)
    try:
        keep(path, STATE, memory, ROOM)
    finally:
        os.umask(before)

    assert memory.modes == [0o600]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


# --- what is not taken up -------------------------------------------------------------------------


def refused(path: Path, expected: ModelIdentity = IDENTITY) -> bool:
    """Whether a file is passed over, without llama.cpp having seen it."""
    memory = FakeMemory()
    return take_up(path, expected, memory) is None and memory.loads == 0


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_flipped_bit_anywhere_is_found(
    tmp_path_factory: pytest.TempPathFactory, whole: bytes, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("state") / "a.state"
    bit = data.draw(st.integers(0, 8 * len(whole) - 1))
    flipped = bytearray(whole)
    flipped[bit // 8] ^= 1 << bit % 8
    path.write_bytes(flipped)

    assert refused(path)
    assert not path.exists()


def test_every_length_but_its_own_is_found(path: Path, whole: bytes) -> None:
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert refused(path)
        assert not path.exists()


@settings(max_examples=100, deadline=None)
@given(more=st.binary(min_size=1, max_size=200), data=st.data())
def test_anything_put_in_anywhere_is_found(
    tmp_path_factory: pytest.TempPathFactory, whole: bytes, more: bytes, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("state") / "a.state"
    at = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:at] + more + whole[at:])

    assert refused(path)
    assert not path.exists()


@settings(max_examples=100, deadline=None)
@given(raw=st.binary(max_size=300))
def test_a_foreign_file_is_found(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.mktemp("state") / "a.state"
    path.write_bytes(raw)

    assert refused(path)
    assert not path.exists()


def test_lengths_that_are_lies_are_found(path: Path, whole: bytes) -> None:
    for blob, head in [(2**64 - 1, 2**32 - 1), (0, 0), (len(whole), 0), (0, len(whole) - 52)]:
        path.write_bytes(whole[:-52] + struct.pack("<QI", blob, head) + whole[-40:])
        assert refused(path)


@pytest.mark.parametrize(
    "other",
    [
        {"path": "/models/other.gguf"},
        {"size": 1001},
        {"mtime_ns": 2},
        {"sample": "cd" * 32},
        {"library": "0.3.37"},
        {"context": 8192},
        {"cache_type": "q8_0"},
        {"backend": "CUDA"},
        {"gpu_layers": 12},
        {"whole_windows": True},
    ],
    ids=lambda other: next(iter(other)),
)
def test_what_another_model_or_setting_made_is_not_taken_up(
    path: Path, other: dict[str, object]
) -> None:
    keep(path, STATE, FakeMemory(), ROOM)

    assert refused(path, msgspec.structs.replace(IDENTITY, **other))
    assert not path.exists()


def test_more_tokens_than_the_context_has_are_not_taken_up(path: Path) -> None:
    model = msgspec.structs.replace(IDENTITY, context=3)
    keep(path, msgspec.structs.replace(STATE, model=model), FakeMemory(), ROOM)

    assert refused(path, model)


@pytest.mark.parametrize("exact", [-1, 5])
def test_a_wrong_number_of_exact_tokens_is_not_taken_up(path: Path, exact: int) -> None:
    keep(path, msgspec.structs.replace(STATE, exact=exact), FakeMemory(), ROOM)

    assert refused(path)


def test_a_link_goes_and_what_it_leads_to_stays(path: Path, tmp_path: Path, whole: bytes) -> None:
    goal = tmp_path / "precious"
    goal.write_bytes(whole)
    path.symlink_to(goal)

    assert refused(path)
    assert not path.is_symlink()
    assert goal.read_bytes() == whole


def test_a_folder_stays(path: Path) -> None:
    path.mkdir()

    assert refused(path)
    assert path.is_dir()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_a_pipe_keeps_nobody_waiting(path: Path) -> None:
    os.mkfifo(path)

    assert refused(path)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="everything can be read")
def test_what_may_not_be_read_is_passed_over(path: Path, whole: bytes) -> None:
    path.write_bytes(whole)
    path.chmod(0)

    assert refused(path)


def test_the_log_says_what_was_not_taken_up(
    path: Path, whole: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    path.write_bytes(whole[:-1])

    take_up(path, IDENTITY, FakeMemory())

    assert str(path) in capfd.readouterr().err


def test_a_memory_that_finds_other_tokens_is_emptied(path: Path) -> None:
    memory = FakeMemory(loaded_tokens=[1, 5, 9])
    keep(path, STATE, FakeMemory(), ROOM)

    assert take_up(path, IDENTITY, memory) is None
    assert memory.cleared == 1
    assert not path.exists()


# --- what is not kept -----------------------------------------------------------------------------


def disk_full(path: Path) -> int:
    path.write_bytes(b"half")
    raise OSError(errno.ENOSPC, "No space left on device")


def failed(path: Path) -> int:
    path.write_bytes(b"half")
    raise EngineError("llama.cpp could not write the state")


def fell_short(path: Path) -> int:
    """llama.cpp counts what it wrote, not what arrived."""
    path.write_bytes(b"half")
    return 8


@pytest.mark.parametrize("fails", [disk_full, failed, fell_short])
def test_a_write_that_fails_leaves_nothing_and_bothers_nobody(
    path: Path, fails: Callable[[Path], int]
) -> None:
    keep(path, STATE, FakeMemory(), ROOM)

    assert not keep(path, STATE, FakeMemory(fails=fails), ROOM)
    assert os.listdir(path.parent) == []


@pytest.mark.parametrize("room", [0, 199, 200, 300])
def test_what_is_larger_than_its_room_is_not_kept(path: Path, room: int) -> None:
    assert not keep(path, STATE, FakeMemory(), room)
    assert os.listdir(path.parent) == []


def test_it_takes_no_more_than_its_room_where_the_memory_was_wrong_about_it(path: Path) -> None:
    def more(part: Path) -> int:
        return part.write_bytes(bytes(5000))

    assert not keep(path, STATE, FakeMemory(fails=more), 4000)
    assert os.listdir(path.parent) == []


def test_a_disk_that_is_nearly_full_is_left_alone(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = FakeMemory()
    usage = shutil.disk_usage(path.parent)._replace(free=50 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)

    assert not keep(path, STATE, memory, ROOM)
    assert memory.modes == []


def test_a_folder_that_is_gone_is_not_made_again(tmp_path: Path) -> None:
    assert not keep(tmp_path / "gone" / "a.state", STATE, FakeMemory(), ROOM)
    assert not (tmp_path / "gone").exists()


def test_a_write_that_is_broken_off_leaves_the_old_one(path: Path) -> None:
    def killed(part: Path) -> int:
        part.write_bytes(b"half")
        raise KeyboardInterrupt

    keep(path, STATE, FakeMemory(), ROOM)
    with pytest.raises(KeyboardInterrupt):
        keep(path, STATE, FakeMemory(fails=killed), ROOM)

    assert take_up(path, IDENTITY, FakeMemory()) == STATE


def test_what_an_interrupted_write_left_goes_with_the_next(path: Path) -> None:
    left = path.with_name(f"{path.name}.0123456789ab.part")
    other = path.with_name("read-cd.state.0123456789ab.part")
    for each in (left, other):
        each.write_bytes(b"half")
        os.utime(each, (1, 1))
    # Another child writes it: the story was closed and opened again at once.
    young = path.with_name(f"{path.name}.ba9876543210.part")
    young.write_bytes(b"half")

    keep(path, STATE, FakeMemory(), ROOM)

    assert sorted(os.listdir(path.parent)) == sorted([path.name, other.name, young.name])


def test_the_memory_is_given_back_before_the_file_is_sealed(path: Path) -> None:
    seen: list[bytes] = []

    def written() -> None:
        [part] = path.parent.iterdir()
        seen.append(part.read_bytes())

    keep(path, STATE, FakeMemory(), ROOM, written)

    assert path.read_bytes().startswith(seen[0])
    assert len(path.read_bytes()) > len(seen[0])


# --- which model ----------------------------------------------------------------------------------


INFO = ModelInfo(
    name="small",
    path="",
    architecture="llama",
    context=4096,
    trained_context=8192,
    layers=2,
    gpu_layers=0,
    backend="CPU",
    threads=2,
    chat_template="gguf",
)


def identity(path: Path) -> ModelIdentity | None:
    return identity_of(ModelConfig(path=str(path)), INFO, "0.3.36")


def test_a_model_is_the_same_as_long_as_its_file_is(tmp_path: Path) -> None:
    model = tmp_path / "small.gguf"
    model.write_bytes(bytes(range(256)) * 8000)

    assert identity(model) is not None
    assert identity(model) == identity(model)


@pytest.mark.parametrize("at", [0, 65_535, -1])
def test_a_model_that_was_written_anew_within_its_time_is_another(tmp_path: Path, at: int) -> None:
    model = tmp_path / "small.gguf"
    content = bytearray(range(256)) * 8000
    model.write_bytes(content)
    os.utime(model, (1000, 1000))
    before = identity(model)

    content[at] ^= 1
    model.write_bytes(content)
    os.utime(model, (1000, 1000))

    assert identity(model) != before


def test_all_files_of_a_divided_model_count(tmp_path: Path) -> None:
    first, second = (tmp_path / f"big-0000{index}-of-00002.gguf" for index in (1, 2))
    first.write_bytes(b"first")
    second.write_bytes(b"second")
    before = identity(first)

    second.write_bytes(b"secund")

    assert before is not None
    assert identity(first) != before


def test_a_model_whose_file_is_gone_is_not_known(tmp_path: Path) -> None:
    assert identity(tmp_path / "gone.gguf") is None


# --- the real thing -------------------------------------------------------------------------------


def test_a_model_goes_on_from_a_kept_state_as_if_it_had_read_it_itself(
    path: Path, small_model: Path
) -> None:
    from storytui.engine.llama import LlamaModel

    config = ModelConfig(path=str(small_model), context=1024)
    first = LlamaModel(config, lambda _: None)
    model = identity_of(config, first.info, "0")
    assert model is not None
    tokens = first.vocabulary.tokenize("The lamp had been out for eleven minutes. " * 60)[:500]
    assert len(tokens) == 500
    for at in range(0, len(tokens), first.batch):
        first.evaluate(tokens[at : at + first.batch], at)
    logits = first.logits().copy()
    kept = KeptState(model=model, tokens=tuple(tokens), exact=500, logits=logits.tobytes())
    assert keep(path, kept, first, ROOM)
    first.evaluate([tokens[7]], 500)
    expected = first.logits().copy()

    second = LlamaModel(config, lambda _: None)
    assert take_up(path, model, second) == kept
    second.evaluate([tokens[7]], 500)

    assert (second.logits() == expected).all()
    assert not (expected == logits).all()
