"""Takes are kept with everything that they were asked for and came to."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storytui.storage.database import StorageError
from storytui.takes.store import TakeStore
from storytui.takes.take import Take

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TakeStore]:
    store = TakeStore(tmp_path / "takes.sqlite3", clock=NOON.timestamp)
    yield store
    store.close()


def a_take(**known: object) -> Take:
    defaults: dict[str, object] = {"answer": "She knew.", "state": "complete", "made_at": NOON}
    return Take(**defaults | known)  # type: ignore[arg-type]


any_text = st.text(st.characters(exclude_categories=()), max_size=30)
tokens = st.lists(st.integers(0, 2**32 - 1), max_size=5).map(tuple)
takes = st.builds(
    Take,
    number=st.integers(1, 9),
    made_at=st.datetimes(timezones=st.just(UTC)),
    place=st.integers(0, 10**9),
    before_hash=st.text("0123456789abcdef", max_size=64),
    prompt=any_text,
    opening=any_text,
    settings=any_text,
    seed=st.integers(0, 2**32 - 2),
    model=any_text,
    model_path=any_text,
    direction=any_text,
    words=st.integers(1, 4000),
    reasoning=any_text,
    answer=any_text,
    reasoning_tokens=tokens,
    answer_tokens=tokens,
    state=st.sampled_from(["writing", "complete", "stopped", "failed"]),
    problem=any_text,
    stop=st.sampled_from(["", "closed", "length", "cut", "stopped"]),
    accepted=st.lists(st.integers(0, 10**6)),
    dismissed=st.booleans(),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(takes)
def test_a_take_comes_back_equal(store: TakeStore, take: Take) -> None:
    store.keep(take)
    assert store.by_ids([take.id]) == {take.id: take}


def test_takes_last_from_one_session_to_the_next(tmp_path: Path) -> None:
    first, second = a_take(), a_take(answer="She did not.")
    store = TakeStore(tmp_path / "takes.sqlite3")
    for take in (first, second):
        store.keep(take)
    store.close()

    assert TakeStore(tmp_path / "takes.sqlite3").takes() == [first, second]


def test_a_take_that_is_kept_again_is_what_it_became(store: TakeStore) -> None:
    take = a_take(answer="", state="writing")
    store.keep(take)
    take.add("answer", "She knew. He did not.")
    take.state = "complete"
    take.accept(9)
    store.keep(take)

    (kept,) = store.takes()
    assert kept == take
    assert (kept.taken, kept.finished_with) == (9, False)


def test_a_number_is_a_takes_own_however_often_it_is_kept(store: TakeStore) -> None:
    first, second = a_take(), a_take()
    for take in (first, second, first, first):
        store.keep(take)

    assert [(each.number, each.take.id) for each in store.numbered()] == [
        (1, first.id),
        (2, second.id),
    ]


def test_a_take_is_found_by_number_by_id_and_by_how_its_id_begins(store: TakeStore) -> None:
    first, second = a_take(id="aa11"), a_take(id="aa22")
    for take in (first, second):
        store.keep(take)

    found = [store.take(name) for name in (2, "aa11", "aa2", "aa", "bb", "", 3, "%")]

    assert [each and each.take.id for each in found] == [
        "aa22", "aa11", "aa22", None, None, None, None, None,
    ]  # fmt: skip


def test_prompts_share_what_they_have_in_common(store: TakeStore) -> None:
    story = "".join(f"Sentence {number} of the story.\n\n" for number in range(4000))
    store.keep(a_take(prompt=story))
    one = store.used_bytes()
    for number in range(20):
        store.keep(a_take(prompt=f"{story}And then {number}."))

    assert store.used_bytes() < 2 * one


def test_a_models_hash_that_is_found_later_belongs_to_the_takes_without_one(
    store: TakeStore,
) -> None:
    old, new, other = a_take(model_hash="abc"), a_take(), a_take()
    for take in (old, new, other):
        store.keep(take)
    store.set_model_hash([old.id, new.id], "def")

    assert [each.model_hash for each in store.takes()] == ["abc", "def", ""]


def test_what_is_older_than_was_asked_is_forgotten_with_its_prompt(
    store: TakeStore, tmp_path: Path
) -> None:
    store.keep(a_take(made_at=NOON - timedelta(days=31), answer="An old reply."))
    stays = a_take(made_at=NOON - timedelta(days=29))
    store.keep(stays)

    assert store.retain(30) == 1
    assert store.takes() == [stays]
    assert all(b"An old reply" not in each.read_bytes() for each in tmp_path.iterdir())


def test_a_prompt_that_another_take_has_too_stays(store: TakeStore) -> None:
    store.keep(a_take(made_at=NOON - timedelta(days=31), prompt="The same."))
    store.keep(a_take(prompt="The same."))
    store.retain(30)

    assert [each.prompt for each in store.takes()] == ["The same."]


def test_zero_days_keep_takes_for_ever(store: TakeStore) -> None:
    store.keep(a_take(made_at=NOON - timedelta(days=9999)))

    assert store.retain(0) == 0
    assert len(store.takes()) == 1


def test_damaged_takes_are_put_aside_and_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "takes.sqlite3").write_bytes(b"no database, but long enough" * 100)
    store = TakeStore(tmp_path / "takes.sqlite3")

    assert store.takes() == []
    assert store.moved_aside is not None
    assert store.moved_aside.is_file()


def test_closed_takes_say_so(store: TakeStore) -> None:
    store.close()
    with pytest.raises(StorageError, match="The list of takes"):
        store.keep(a_take())
