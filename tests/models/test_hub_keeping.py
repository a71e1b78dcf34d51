"""Models in the cache are verified against the Hub's record, and removed without a trace."""

from pathlib import Path

import pytest
from hub_contents import Content, repository
from hub_fixtures import FILE, LARGE, QUICK, REPOSITORY, child_that, files_below, place_of
from hub_stand_in import HubStandIn

from storytui.models.hub import asking
from storytui.models.hub.download import Download
from storytui.models.hub.errors import HubError
from storytui.models.hub.messages import Progress
from storytui.models.hub.place import HubPlace


@pytest.fixture
def path(place: HubPlace) -> Path:
    """A model that was downloaded."""
    return Download(place, REPOSITORY, [FILE]).run()


# --- verify ---------------------------------------------------------------------------------------


def test_a_whole_file_is_good_by_the_hubs_record(place: HubPlace, path: Path) -> None:
    verdict = asking.verify(place, path)

    assert (verdict.good, verdict.against, verdict.wrong) == (True, "hub", ())


def test_a_file_is_read_anew_whatever_was_found_before(place: HubPlace, path: Path) -> None:
    steps: list[Progress] = []

    asking.verify(place, path, steps.append)

    assert steps[-1].phase == "checking"
    assert steps[-1].done == steps[-1].total == len(LARGE)


def test_one_changed_byte_is_seen(place: HubPlace, path: Path) -> None:
    path.resolve().write_bytes(LARGE[:-1] + b"?")

    verdict = asking.verify(place, path)

    assert (verdict.good, verdict.wrong) == (False, (FILE,))


def test_it_may_be_named_by_its_blob(place: HubPlace, path: Path) -> None:
    assert asking.verify(place, path.resolve()).against == "hub"


@pytest.mark.parametrize("wrong", [False, True])
def test_offline_it_is_held_against_its_name(
    wrong: bool, hub: HubStandIn, path: Path, tmp_path: Path
) -> None:
    offline = place_of(hub, tmp_path, HF_HUB_OFFLINE="1")
    asked = len(hub.seen)
    if wrong:
        path.resolve().write_bytes(LARGE[::-1])

    verdict = asking.verify(offline, path)

    assert (verdict.good, verdict.against) == (not wrong, "name")
    assert len(hub.seen) == asked
    assert asking.known_hash(path) == hub.repositories[REPOSITORY].files[FILE].sha256


def test_without_network_it_is_held_against_its_name(
    hub: HubStandIn, place: HubPlace, path: Path
) -> None:
    hub.__exit__()

    assert asking.verify(place, path).against == "name"


def test_all_parts_are_verified(hub: HubStandIn, place: HubPlace) -> None:
    names = [f"Big-0000{each}-of-00002.gguf" for each in (1, 2)]
    hub.repositories["big/One"] = repository(dict.fromkeys(names, LARGE[:1000]))
    hub.repositories["big/One"].files[names[1]] = Content(LARGE[:2000])
    running = Download(place, "big/One", names)
    running.run()
    running.paths[1].resolve().write_bytes(LARGE[1:2001])

    verdict = asking.verify(place, running.path)

    assert verdict.wrong == (names[1],)


def test_what_is_not_of_the_hub_has_no_record(place: HubPlace, tmp_path: Path) -> None:
    other = tmp_path / "other.gguf"
    other.write_bytes(b"GGUF")

    with pytest.raises(HubError, match="did not come from the Hub"):
        asking.verify(place, other)
    with pytest.raises(HubError, match="is not in the Hub's cache and stays"):
        asking.remove(place, other)
    assert other.exists()


def test_a_file_that_is_gone_is_said(place: HubPlace, path: Path) -> None:
    path.unlink()

    with pytest.raises(HubError, match="There is no model"):
        asking.verify(place, path)


# --- remove ---------------------------------------------------------------------------------------


def test_the_only_file_goes_with_its_repository(place: HubPlace, path: Path) -> None:
    assert asking.remove(place, path) == len(LARGE)
    assert files_below(place.cache) == []
    assert not (place.cache / "models--owner--Tale-GGUF").exists()


def test_other_files_of_the_repository_stay(hub: HubStandIn, place: HubPlace, path: Path) -> None:
    other = Download(place, REPOSITORY, ["Tale-Q8_0.gguf"]).run()

    asking.remove(place, path)

    assert other.exists()
    assert not path.exists()
    assert len(files_below(place.cache)) == 3


def test_every_revision_with_the_same_bytes_goes(
    hub: HubStandIn, place: HubPlace, path: Path
) -> None:
    hub.repositories[REPOSITORY].files["README.md"] = Content(b"# Another\n")
    second = Download(place, REPOSITORY, [FILE]).run()

    assert asking.remove(place, second) == len(LARGE)
    assert not path.exists()
    assert files_below(place.cache) == []


def test_all_parts_go(hub: HubStandIn, place: HubPlace) -> None:
    names = [f"Big-0000{each}-of-00002.gguf" for each in (1, 2)]
    hub.repositories["big/One"] = repository({names[0]: LARGE[:1000], names[1]: LARGE[:2000]})
    path = Download(place, "big/One", names).run()

    assert asking.remove(place, path) == 3000
    assert files_below(place.cache) == []


def test_it_may_be_removed_by_its_blob_and_offline(
    hub: HubStandIn, path: Path, tmp_path: Path
) -> None:
    offline = place_of(hub, tmp_path, HF_HUB_OFFLINE="1")

    assert asking.remove(offline, path.resolve()) == len(LARGE)
    assert files_below(offline.cache) == []


def test_what_an_earlier_download_left_goes_with_the_last_file(
    hub: HubStandIn, place: HubPlace, path: Path
) -> None:
    hub.repositories[REPOSITORY].files[FILE] = Content(LARGE[::-1])
    hub.cuts = [1_000_000] * 9
    with pytest.raises(HubError, match="broke off again and again"):
        Download(place, REPOSITORY, [FILE], patience=QUICK).run()

    assert asking.remove(place, path) == len(LARGE) + 1_000_000
    assert files_below(place.cache) == []


def test_what_was_removed_can_be_fetched_again(
    hub: HubStandIn, place: HubPlace, path: Path
) -> None:
    asking.remove(place, path)

    assert Download(place, REPOSITORY, [FILE]).run() == path
    assert path.read_bytes() == LARGE


def test_a_file_without_a_link_is_removed_too(hub: HubStandIn, place: HubPlace) -> None:
    without = child_that(
        "import pathlib\n"
        "def no(*_, **__): raise OSError('no links here')\n"
        "pathlib.Path.symlink_to = no\n"
    )
    path = Download(place, REPOSITORY, [FILE], command=without).run()

    assert asking.remove(place, path) == len(LARGE)
    assert files_below(place.cache) == []


def test_a_repository_that_is_out_of_order_is_removed_by_hand(
    hub: HubStandIn, place: HubPlace, path: Path
) -> None:
    (path.parent / "broken.json").symlink_to("../../blobs/gone")

    assert asking.remove(place, path) == len(LARGE)
    assert not path.exists()
    assert not path.is_symlink()
    assert files_below(place.cache / "models--owner--Tale-GGUF" / "blobs") == []


# --- what did not come to its end -----------------------------------------------------------------


def test_what_a_download_left_is_listed_and_can_be_deleted(
    hub: HubStandIn, place: HubPlace
) -> None:
    hub.cuts = [1_000_000] * 9
    with pytest.raises(HubError, match="broke off again and again"):
        Download(place, REPOSITORY, [FILE], patience=QUICK).run()

    (left,) = asking.unfinished(place)
    assert (left.repository, left.size) == (REPOSITORY, 1_000_000)

    asking.discard(left)
    assert asking.unfinished(place) == ()
    assert not (place.cache / "models--owner--Tale-GGUF").exists()


def test_a_whole_file_is_not_unfinished(place: HubPlace, path: Path) -> None:
    assert asking.unfinished(place) == ()
