"""A download comes whole into the cache that other programs share, or she is told why not."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hub_contents import TOKEN, Content, Repository, repository
from hub_fixtures import FILE, LARGE, QUICK, REPOSITORY, child_that, files_below, place_of
from hub_stand_in import HubStandIn

from storytui.models.fingerprint import known
from storytui.models.found import find_models
from storytui.models.hub import asking
from storytui.models.hub.download import Download
from storytui.models.hub.errors import HubError
from storytui.models.hub.place import HubPlace

TEN_MIB = 10 << 20


def download(place: HubPlace, *files: str, name: str = REPOSITORY) -> Download:
    return Download(place, name, files or (FILE,), patience=QUICK)


def trouble(running: Download) -> HubError:
    with pytest.raises(HubError) as caught:
        running.run()
    return caught.value


def partials(place: HubPlace) -> list[Path]:
    return list(place.cache.glob("**/*.incomplete"))


# --- what comes -----------------------------------------------------------------------------------


def test_a_file_comes_whole_and_under_its_own_name(hub: HubStandIn, place: HubPlace) -> None:
    running = download(place)

    path = running.run()

    assert path.name == FILE
    assert path.read_bytes() == LARGE
    assert running.bytes_fetched == hub.total_sent == len(LARGE)


def test_it_lies_in_the_cache_as_the_library_lays_it_out(hub: HubStandIn, place: HubPlace) -> None:
    path = download(place).run()

    commit = hub.repositories[REPOSITORY].commit
    sha256 = hub.repositories[REPOSITORY].files[FILE].sha256
    folder = "models--owner--Tale-GGUF"
    assert files_below(place.cache) == [
        f"{folder}/blobs/{sha256}",
        f"{folder}/refs/main",
        f"{folder}/snapshots/{commit}/{FILE}",
    ]
    assert os.readlink(path) == f"../../blobs/{sha256}"


@pytest.mark.parametrize("offline", ["0", "1"])
def test_other_programs_find_it_by_the_library(
    offline: str, hub: HubStandIn, place: HubPlace
) -> None:
    path = download(place).run()
    code = f"from huggingface_hub import hf_hub_download as d; print(d({REPOSITORY!r}, {FILE!r}))"

    found = subprocess.run(
        [sys.executable, "-c", code],
        env={**place.environment, "HF_HUB_OFFLINE": offline},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()

    assert found == str(path)
    assert hub.total_sent == len(LARGE)


def test_what_the_library_fetched_is_not_fetched_again(hub: HubStandIn, place: HubPlace) -> None:
    code = f"from huggingface_hub import hf_hub_download as d; d({REPOSITORY!r}, {FILE!r})"
    subprocess.run([sys.executable, "-c", code], env=dict(place.environment), check=True)

    running = download(place)

    assert running.run().read_bytes() == LARGE
    assert running.bytes_fetched == 0
    assert hub.total_sent == len(LARGE)


def test_the_search_for_models_finds_it(hub: HubStandIn, place: HubPlace, tmp_path: Path) -> None:
    path = download(place, "Poem-Q4_K_M.gguf", name="other/Poem-GGUF").run()

    (found,) = find_models(place.environment, tmp_path, "linux", root=tmp_path).models

    assert (found.path, found.repository) == (path, "other/Poem-GGUF")


def test_progress_grows_to_the_whole_and_then_it_is_checked(
    hub: HubStandIn, place: HubPlace
) -> None:
    hub.rate = 20_000_000

    seen = list(download(place))

    fetching = [each for each in seen if each.phase == "fetching"]
    assert [each.done for each in fetching] == sorted(each.done for each in fetching)
    assert fetching[-1].done == len(LARGE)
    assert all(each.total == len(LARGE) and each.file == FILE for each in seen)
    assert seen[-1].phase == "checking"
    assert any(each.bytes_per_second > 0 and each.seconds_left is not None for each in fetching)


def test_all_parts_of_a_divided_model_come(hub: HubStandIn, place: HubPlace) -> None:
    parts = {f"Big/Big-0000{each}-of-00003.gguf": LARGE[: 1000 * each] for each in (1, 2, 3)}
    hub.repositories["big/One"] = repository({**parts, "other.gguf": b"x"})
    record = asking.repository(place, "big/One")
    files = [each.name for each in record.chosen(["*big*.gguf"])]

    running = Download(place, "big/One", files)
    seen = list(running)

    assert [path.name for path in running.paths] == [name.split("/")[1] for name in parts]
    assert [path.read_bytes() for path in running.paths] == list(parts.values())
    assert running.path.name == "Big-00001-of-00003.gguf"
    assert seen[-1].total == 6000


def test_a_file_that_is_here_is_neither_fetched_nor_read_again(
    hub: HubStandIn, place: HubPlace
) -> None:
    path = download(place).run()
    again = download(place)

    seen = list(again)

    assert (again.path, again.bytes_fetched) == (path, 0)
    assert "checking" not in {each.phase for each in seen}
    assert hub.total_sent == len(LARGE)


def test_its_hash_is_known_to_takes_from_then_on(hub: HubStandIn, place: HubPlace) -> None:
    path = download(place).run()

    assert known(path.resolve(), place.hashes) == hub.repositories[REPOSITORY].files[FILE].sha256


def test_a_new_commit_with_the_same_file_costs_nothing(hub: HubStandIn, place: HubPlace) -> None:
    first = download(place).run()
    hub.repositories[REPOSITORY].files["README.md"] = Content(b"# Another\n")

    second = download(place).run()

    assert first != second
    assert first.samefile(second)
    assert hub.total_sent == len(LARGE)


@pytest.mark.parametrize("redirects", [True, False])
def test_bytes_may_come_from_the_hub_itself(
    redirects: bool, hub: HubStandIn, place: HubPlace
) -> None:
    hub.redirects = redirects

    assert download(place).run().read_bytes() == LARGE
    assert bool(hub.requests("/bytes/")) == redirects


# --- refusals -------------------------------------------------------------------------------------


def test_terms_that_were_not_accepted(hub: HubStandIn, place: HubPlace) -> None:
    error = trouble(download(place, "Terms-Q4_K_M.gguf", name="gated/Terms-GGUF"))

    assert error.trouble == "gated"
    assert error.address == f"{hub.endpoint}/gated/Terms-GGUF"
    assert files_below(place.cache) == []


def test_with_the_token_it_comes_and_the_token_stays_at_the_hub(
    hub: HubStandIn, tmp_path: Path
) -> None:
    place = place_of(hub, tmp_path, HF_TOKEN=TOKEN)

    download(place, "Terms-Q4_K_M.gguf", name="gated/Terms-GGUF").run()

    elsewhere = [each for each in hub.seen if each.host.startswith("localhost")]
    assert elsewhere
    assert all(TOKEN not in str(each) for each in elsewhere)


def test_files_and_repositories_that_are_not_there(hub: HubStandIn, place: HubPlace) -> None:
    error = trouble(download(place, "None.gguf"))
    assert (error.trouble, "no file None.gguf" in str(error)) == ("missing", True)

    error = trouble(download(place, FILE, name="no/body"))
    assert (error.trouble, "no repository no/body" in str(error)) == ("missing", True)
    assert files_below(place.cache) == []


def test_a_page_to_sign_in_comes_up_on_the_way(hub: HubStandIn, place: HubPlace) -> None:
    hub.cuts = [3_000_000]
    hub.captive_after_cuts = True

    error = trouble(download(place))

    assert error.trouble == "not-the-hub"
    assert partials(place)[0].stat().st_size == 3_000_000
    hub.captive = hub.captive_after_cuts = False
    assert download(place).run().read_bytes() == LARGE


def test_offline_a_file_that_is_here_is_given_and_another_is_not(
    hub: HubStandIn, tmp_path: Path
) -> None:
    path = download(place_of(hub, tmp_path)).run()
    place = place_of(hub, tmp_path, HF_HUB_OFFLINE="1")
    asked = len(hub.seen)

    assert download(place).run() == path
    assert trouble(download(place, "Tale-Q8_0.gguf")).trouble == "offline"
    assert len(hub.seen) == asked


def test_without_network_a_file_that_is_here_is_given(hub: HubStandIn, place: HubPlace) -> None:
    path = download(place).run()
    hub.__exit__()

    assert download(place).run() == path
    assert trouble(download(place, "Tale-Q8_0.gguf")).trouble == "unreachable"


@pytest.mark.parametrize("etag", ["../../../evil", "", "A" * 64])
def test_an_entity_tag_is_no_path(etag: str, hub: HubStandIn, place: HubPlace) -> None:
    hub.etag = etag

    assert trouble(download(place)).trouble == "not-the-hub"
    assert files_below(place.cache) == []


def test_a_hub_that_contradicts_itself(hub: HubStandIn, place: HubPlace) -> None:
    hub.etag = "a" * 64

    assert "two things" in str(trouble(download(place)))


def test_a_folder_that_may_not_be_written(hub: HubStandIn, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    place = place_of(hub, tmp_path, HF_HOME=str(tmp_path / "file"))

    error = trouble(download(place))

    assert "cannot be used" in str(error)


# --- the end of it --------------------------------------------------------------------------------


def test_cancelling_before_it_began_fetches_nothing(hub: HubStandIn, place: HubPlace) -> None:
    running = download(place)
    running.cancel()
    running.cancel()

    assert trouble(running).trouble == "cancelled"
    assert hub.seen == []


def test_before_its_end_there_is_no_path(place: HubPlace) -> None:
    with pytest.raises(HubError, match="did not come to its end"):
        _ = download(place).path


def test_who_stops_listening_stops_the_download(hub: HubStandIn, place: HubPlace) -> None:
    hub.rate = 1_000_000
    running = download(place)
    steps = iter(running)
    while next(steps).done == 0:
        pass
    steps.close()  # type: ignore[attr-defined]
    sent = hub.total_sent

    assert sent < len(LARGE)
    assert running._process._process is not None
    assert running._process._process.returncode is not None


def test_the_process_ends_with_who_started_it(hub: HubStandIn, place: HubPlace) -> None:
    hub.rate = 1_000_000
    code = (
        "import os, sys, json\n"
        "from pathlib import Path\n"
        "from storytui.models.hub.place import hub_place\n"
        "from storytui.models.hub.download import Download\n"
        "place = hub_place(os.environ, Path.home(), sys.platform, xet=False)\n"
        f"running = Download(place, {REPOSITORY!r}, [{FILE!r}])\n"
        "for step in running:\n"
        "    if step.done:\n"
        "        print(running._process._process.pid, flush=True)\n"
        "        os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=dict(place.environment),
        capture_output=True,
        text=True,
        check=False,
    )
    child = int(done.stdout)
    # Reading its pipe to the end above has waited for it only if it held the pipe; it does not.
    ended = threading.Event()
    for _ in range(200):
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            ended.set()
            break
        ended.wait(0.05)
    assert ended.is_set()
    assert hub.total_sent < len(LARGE)


def test_a_download_that_dies_says_that_nothing_is_lost(hub: HubStandIn, place: HubPlace) -> None:
    dying = child_that(
        "import os, storytui.models.hub.fetching as f\n"
        "write = f._write\n"
        "def dies(to, piece):\n"
        "    write(to, piece)\n"
        "    if os.fstat(to).st_size > 2_000_000: os.kill(os.getpid(), 9)\n"
        "f._write = dies\n"
    )
    error = trouble(Download(place, REPOSITORY, [FILE], command=dying))

    assert "is not lost" in str(error)
    assert download(place).run().read_bytes() == LARGE
    assert hub.total_sent <= len(LARGE) + TEN_MIB


def test_where_the_system_has_no_links_the_file_itself_stands_there(
    hub: HubStandIn, place: HubPlace
) -> None:
    without = child_that(
        "import pathlib\n"
        "def no(*_, **__): raise OSError('no links here')\n"
        "pathlib.Path.symlink_to = no\n"
    )
    path = Download(place, REPOSITORY, [FILE], command=without).run()

    assert not path.is_symlink()
    assert path.read_bytes() == LARGE
    again = Download(place, REPOSITORY, [FILE], command=without)
    assert (again.run(), again.bytes_fetched) == (path, 0)


def test_a_repository_of_two_names(hub: HubStandIn, place: HubPlace) -> None:
    deep = {"a/b/Deep-Q4_K_M.gguf": LARGE[:100]}
    hub.repositories["deep/One"] = Repository({name: Content(data) for name, data in deep.items()})

    path = Download(place, "deep/One", list(deep)).run()

    assert path.parts[-3:] == ("a", "b", "Deep-Q4_K_M.gguf")
    assert path.read_bytes() == LARGE[:100]
