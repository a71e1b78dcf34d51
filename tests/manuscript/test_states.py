"""Where what a model has read is kept: one file a manuscript and model, all under one cap."""

import os
import stat
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storytui.manuscript.states import kept_states, place_for_state

MODEL = "/models/small.gguf"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of the manuscripts' folders, with two of them."""
    for name in ("mine", "hers"):
        (tmp_path / "manuscripts" / name).mkdir(parents=True)
    return tmp_path / "manuscripts"


def state(root: Path, name: str, size: int, *, age: int = 0, model: str = MODEL) -> Path:
    """A state of so many bytes that was last used so many seconds ago."""
    home = root / name
    home.mkdir(exist_ok=True, parents=True)
    place = place_for_state(root, home, model, 1 << 60, needed=1)
    assert place is not None
    place.path.write_bytes(bytes(size))
    when = time.time() - age
    os.utime(place.path, (when, when))
    return place.path


def all_bytes(root: Path) -> int:
    return sum(kept_states(each) for each in root.iterdir())


def test_it_is_in_the_manuscripts_own_folder(root: Path) -> None:
    place = place_for_state(root, root / "mine", MODEL, 1000)

    assert place is not None
    assert place.path.parent == root / "mine"
    assert place.room == 1000


def test_nothing_is_created(root: Path) -> None:
    place_for_state(root, root / "not-there", MODEL, 1000)

    assert [each for each in root.rglob("*") if each.is_file()] == []
    assert not (root / "not-there").exists()


def test_the_place_stays_the_same_for_a_manuscript_and_a_model(root: Path) -> None:
    first, again = (place_for_state(root, root / "mine", MODEL, 1000) for _ in range(2))
    other = place_for_state(root, root / "mine", "/models/other.gguf", 1000)

    assert first == again
    assert first is not None
    assert other is not None
    assert first.path != other.path


@pytest.mark.parametrize("model", ["", "../../../etc/passwd", "a" * 5000, "\udcff\ud800", "x\0y\n"])
def test_any_name_of_a_model_makes_a_plain_file_name(root: Path, model: str) -> None:
    place = place_for_state(root, root / "mine", model, 1000)

    assert place is not None
    assert place.path.parent == root / "mine"
    assert len(place.path.name) < 60
    assert place.path.name.isascii()


def test_the_room_is_what_the_others_leave(root: Path) -> None:
    state(root, "hers", 300)

    place = place_for_state(root, root / "mine", MODEL, 1000, needed=500)

    assert place is not None
    assert place.room == 700


def test_its_own_file_counts_as_room(root: Path) -> None:
    state(root, "mine", 600)

    place = place_for_state(root, root / "mine", MODEL, 1000)

    assert place is not None
    assert place.room == 1000
    assert place.path.exists()


def test_the_one_not_used_for_longest_makes_room(root: Path) -> None:
    new = state(root, "new", 400, age=10)
    old = state(root, "old", 400, age=1000)
    newer = state(root, "newer", 200, age=5)

    place = place_for_state(root, root / "mine", MODEL, 1000, needed=300)

    assert place is not None
    assert place.room == 400
    assert not old.exists()
    assert new.exists()
    assert newer.exists()


def test_room_is_made_for_as_much_as_this_model_took_elsewhere(root: Path) -> None:
    others = [state(root, f"other{age}", 300, age=age) for age in (30, 20, 10)]

    place = place_for_state(root, root / "mine", MODEL, 1000)

    assert place is not None
    assert place.room == 400
    assert [each.exists() for each in others] == [False, True, True]


def test_room_is_made_for_its_own_to_grow(root: Path) -> None:
    state(root, "mine", 400)
    other = state(root, "hers", 550)

    place = place_for_state(root, root / "mine", MODEL, 1000)

    assert place is not None
    assert place.room == 1000
    assert not other.exists()


def test_nothing_goes_for_one_that_the_cap_is_too_small_for(root: Path) -> None:
    other = state(root, "hers", 400)

    place_for_state(root, root / "mine", MODEL, 1000, needed=5000)

    assert other.exists()


def test_one_that_is_larger_than_the_cap_goes(root: Path) -> None:
    mine, hers = state(root, "mine", 3000), state(root, "hers", 2000)

    place = place_for_state(root, root / "mine", MODEL, 1000)

    assert place is not None
    assert place.room == 1000
    assert not mine.exists()
    assert not hers.exists()


def test_a_cap_of_nothing_deletes_all_and_keeps_none(root: Path) -> None:
    state(root, "mine", 10)
    state(root, "hers", 20)
    (root / "hers" / "read-ab.state.cd.part").write_bytes(bytes(30))

    assert place_for_state(root, root / "mine", MODEL, 0) is None
    assert all_bytes(root) == 0


def test_what_an_interrupted_write_left_goes(root: Path) -> None:
    left = root / "hers" / "read-ab.state.cd.part"
    left.write_bytes(bytes(30))
    os.utime(left, (0, 0))

    place_for_state(root, root / "mine", MODEL, 1000)

    assert not left.exists()


def test_what_another_storytui_is_writing_stays_and_takes_its_room(root: Path) -> None:
    written = root / "hers" / "read-ab.state.cd.part"
    written.write_bytes(bytes(30))

    place = place_for_state(root, root / "mine", MODEL, 1000)

    assert written.exists()
    assert place is not None
    assert place.room == 970


def test_nothing_else_in_a_home_is_touched(root: Path) -> None:
    kept = [root / "hers" / name for name in ("history.sqlite3", "journal-1", "x.part", "state")]
    for each in kept:
        each.write_bytes(bytes(5000))
        os.utime(each, (0, 0))

    place_for_state(root, root / "mine", MODEL, 0)
    place = place_for_state(root, root / "mine", MODEL, 1000)

    assert all(each.exists() for each in kept)
    assert place is not None
    assert place.room == 1000


def test_links_and_folders_are_neither_followed_nor_deleted(root: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    precious = elsewhere / "read-ab.state"
    precious.write_bytes(bytes(5000))
    (root / "link").symlink_to(elsewhere, target_is_directory=True)
    (root / "hers" / "read-cd.state").symlink_to(precious)
    (root / "hers" / "read-ef.state").mkdir()

    assert place_for_state(root, root / "mine", MODEL, 0) is None
    assert precious.exists()
    assert kept_states(root / "hers") == 0


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="everything can be deleted")
def test_what_cannot_be_deleted_counts_as_taking_its_room(root: Path) -> None:
    state(root, "hers", 900)
    (root / "hers").chmod(stat.S_IRUSR | stat.S_IXUSR)

    place = place_for_state(root, root / "mine", MODEL, 1000, needed=500)

    (root / "hers").chmod(stat.S_IRWXU)
    assert place is not None
    assert place.room == 100


def test_a_root_that_is_not_there_has_all_the_room(tmp_path: Path) -> None:
    place = place_for_state(tmp_path / "no", tmp_path / "no" / "mine", MODEL, 1000)

    assert place is not None
    assert place.room == 1000


@settings(max_examples=60, deadline=None)
@given(
    others=st.lists(st.tuples(st.integers(1, 1500), st.integers(0, 10_000)), max_size=6),
    own=st.integers(0, 1500),
    needed=st.integers(0, 1500),
)
def test_all_together_never_take_more_than_the_cap(
    tmp_path_factory: pytest.TempPathFactory,
    others: list[tuple[int, int]],
    own: int,
    needed: int,
) -> None:
    root = tmp_path_factory.mktemp("manuscripts")
    (root / "mine").mkdir()
    if own:
        state(root, "mine", own)
    for index, (size, age) in enumerate(others):
        state(root, f"other{index}", size, age=age)

    place = place_for_state(root, root / "mine", MODEL, 1000, needed)

    assert all_bytes(root) <= 1000
    if place is not None:
        rest = all_bytes(root) - (place.path.stat().st_size if place.path.exists() else 0)
        assert rest + place.room <= 1000
    if 0 < needed <= 1000:
        assert place is not None
        assert place.room >= needed
