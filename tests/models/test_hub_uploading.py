"""Uploads: what came to the Hub is never sent again, and nothing is seen before all is there."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_contents import TOKEN, repository
from hub_fixtures import QUICK, child_that, place_of
from hub_stand_in import Failure, HubStandIn

from storytui.models.hub.errors import HubError
from storytui.models.hub.messages import SentFile, Uploaded
from storytui.models.hub.place import HubPlace
from storytui.models.hub.sending import Sending

NAME = "owner/tale"
CARD = "---\nlicense: apache-2.0\nlanguage: en\n---\n# Tale\n"
ONE, OTHER = random.Random(1).randbytes(1_500_000), random.Random(2).randbytes(1_200_000)
ALL = len(ONE) + len(OTHER)


@pytest.fixture
def hub() -> Iterator[HubStandIn]:
    with HubStandIn({}) as standing:
        yield standing


@pytest.fixture
def place(hub: HubStandIn, tmp_path: Path) -> HubPlace:
    return place_of(hub, tmp_path, HF_TOKEN=TOKEN)


@pytest.fixture
def files(tmp_path: Path) -> list[SentFile]:
    (tmp_path / "one.gguf").write_bytes(ONE)
    (tmp_path / "other.gguf").write_bytes(OTHER)
    return [
        SentFile("README.md", "", CARD),
        SentFile("one.gguf", str(tmp_path / "one.gguf")),
        SentFile("more/other.gguf", str(tmp_path / "other.gguf")),
    ]


def sending(place: HubPlace, files: list[SentFile], **more: object) -> Sending:
    return Sending(place, NAME, files, message="Tell a tale", patience=QUICK, **more)  # type: ignore[arg-type]


def test_all_of_it_comes_in_one_commit(
    hub: HubStandIn, place: HubPlace, files: list[SentFile]
) -> None:
    running = sending(place, files)
    steps = list(running)
    assert running.uploaded == Uploaded(
        address=f"{hub.endpoint}/{NAME}",
        commit=hub.repositories[NAME].commit,
        sent=ALL,
        private=True,
    )
    there = hub.repositories[NAME]
    assert there.private
    assert {name: each.part(0, each.size) for name, each in there.files.items()} == {
        "README.md": CARD.encode(),
        "one.gguf": ONE,
        "more/other.gguf": OTHER,
    }
    assert [each.message for each in hub.commits] == ["Tell a tale"]
    done = [each.done for each in steps if each.phase == "sending"]
    assert done == sorted(done)
    assert (done[-1], steps[-1].total) == (ALL + len(CARD), ALL + len(CARD))
    assert {"one.gguf", "more/other.gguf"} <= {each.file for each in steps}


def test_a_data_set_has_a_place_of_its_own(
    hub: HubStandIn, place: HubPlace, files: list[SentFile]
) -> None:
    done = sending(place, files, kind="dataset", private=False).run()
    assert done.address == f"{hub.endpoint}/datasets/{NAME}"
    assert not done.private
    assert list(hub.repositories) == [f"datasets/{NAME}"]


def test_an_upload_that_was_ended_goes_on_where_it_was(
    hub: HubStandIn, place: HubPlace, files: list[SentFile]
) -> None:
    # The process ends, as by a kill, in the middle of the second file.
    code = (
        "import os\n"
        "from storytui.models.hub import uploading\n"
        "read, count = uploading._Counted.read, [0]\n"
        "def dying(self, size=-1):\n"
        "    block = read(self, size)\n"
        "    count[0] += len(block)\n"
        f"    if count[0] > {len(ONE) + len(OTHER) // 2}: os._exit(9)\n"
        "    return block\n"
        "uploading._Counted.read = dying"
    )
    with pytest.raises(HubError):
        sending(place, files, command=child_that(code)).run()
    assert not hub.repositories[NAME].files
    assert not hub.commits
    before = dict(hub.received)
    assert sending(place, files).run().sent == len(OTHER)
    (first, second) = [each.sha256 for each in (hub.stored.values())]
    assert hub.received[first] == before[first] == len(ONE)
    assert hub.received[second] >= len(OTHER)
    assert len(hub.commits) == 1
    assert set(hub.repositories[NAME].files) == {each.name for each in files}


def test_a_connection_that_breaks_off_is_taken_up_again(
    hub: HubStandIn, place: HubPlace, files: list[SentFile]
) -> None:
    hub.upload_cuts = [len(ONE) + 200_000]
    assert sending(place, files).run().sent >= ALL
    assert hub.repositories[NAME].files["more/other.gguf"].part(0, 1 << 30) == OTHER
    assert hub.received.total() < ALL + 2 * len(OTHER)


def test_large_files_go_in_parts_where_the_hub_wants_them(
    hub: HubStandIn, place: HubPlace, files: list[SentFile]
) -> None:
    hub.part_size = 400_000
    assert sending(place, files).run().sent == ALL
    assert len(hub.parts) == 4 + 3
    assert hub.repositories[NAME].files["one.gguf"].part(0, 1 << 30) == ONE


def test_what_is_there_is_not_sent_again_and_makes_no_commit(
    hub: HubStandIn, place: HubPlace, files: list[SentFile], tmp_path: Path
) -> None:
    first = sending(place, files).run()
    again = sending(place, files).run()
    assert (again.sent, again.commit) == (0, first.commit)
    assert len(hub.commits) == 1
    (tmp_path / "other.gguf").write_bytes(OTHER[::-1])
    assert sending(place, files).run().sent == len(OTHER)
    assert hub.commits[-1].files == ["more/other.gguf"]


def test_a_repository_that_is_open_is_not_touched_by_what_is_private(
    hub: HubStandIn, place: HubPlace, files: list[SentFile]
) -> None:
    hub.repositories[NAME] = repository({"mine.txt": b"mine"})
    with pytest.raises(HubError, match="open to everybody") as raised:
        sending(place, files).run()
    assert raised.value.address == f"{hub.endpoint}/{NAME}/settings"
    assert list(hub.repositories[NAME].files) == ["mine.txt"]
    assert not hub.received
    assert not sending(place, files, private=False).run().private
    assert "mine.txt" in hub.repositories[NAME].files


def test_a_card_that_the_hub_does_not_take_stops_it_before_anything_is_sent(
    hub: HubStandIn, place: HubPlace, files: list[SentFile]
) -> None:
    files[0] = SentFile("README.md", "", "---\nlicense: mine\n---\n")
    with pytest.raises(HubError, match="must be one of the licences"):
        sending(place, files).run()
    assert not hub.repositories
    assert not hub.received


def test_without_a_token_nothing_is_asked(
    hub: HubStandIn, tmp_path: Path, files: list[SentFile]
) -> None:
    with pytest.raises(HubError, match="token") as raised:
        sending(place_of(hub, tmp_path), files).run()
    assert raised.value.trouble == "refused"
    assert hub.seen == []


def test_offline_nothing_is_asked(hub: HubStandIn, tmp_path: Path, files: list[SentFile]) -> None:
    with pytest.raises(HubError, match="HF_HUB_OFFLINE"):
        sending(place_of(hub, tmp_path, HF_TOKEN=TOKEN, HF_HUB_OFFLINE="1"), files).run()
    assert hub.seen == []


def test_a_token_that_may_not_write_there_is_said(
    hub: HubStandIn, place: HubPlace, files: list[SentFile]
) -> None:
    running = Sending(place, "stranger/tale", files, message="x", patience=QUICK)
    with pytest.raises(HubError, match="does not let this token write to stranger/tale"):
        running.run()
    assert not hub.received


@pytest.mark.parametrize("status", [403, 413])
def test_what_the_storage_refuses_is_said_with_what_stands(
    hub: HubStandIn, place: HubPlace, files: list[SentFile], status: int
) -> None:
    from hashlib import sha256

    hub.failures = [Failure(sha256(OTHER).hexdigest(), status, times=9, method="PUT")]
    with pytest.raises(HubError, match="goes on from there") as raised:
        sending(place, files).run()
    assert raised.value.trouble == "refused"
    assert not hub.commits
    hub.failures = []
    assert sending(place, files).run().sent == len(OTHER)


def test_the_token_goes_to_the_hub_alone(
    hub: HubStandIn, place: HubPlace, files: list[SentFile]
) -> None:
    sending(place, files).run()
    stored = hub.requests("/storage/", "PUT")
    assert stored
    assert not any("authorization" in each.headers for each in stored)
    assert all(
        each.headers["authorization"] == f"Bearer {TOKEN}" for each in hub.requests("/commit/")
    )


def test_a_file_that_is_not_there_and_a_name_that_leads_out_are_said(
    hub: HubStandIn, place: HubPlace, tmp_path: Path
) -> None:
    with pytest.raises(HubError, match=r"gone\.gguf"):
        sending(place, [SentFile("gone.gguf", str(tmp_path / "gone.gguf"))]).run()
    with pytest.raises(HubError, match="no name of a file"):
        sending(place, [SentFile("../up.md", "", "x")]).run()
    assert not hub.repositories


def test_cancelling_ends_it_and_commits_nothing(
    hub: HubStandIn, place: HubPlace, files: list[SentFile]
) -> None:
    running = sending(place, files)

    def look() -> None:
        for step in running:
            if step.file == "more/other.gguf":
                running.cancel()

    with pytest.raises(HubError) as raised:
        look()
    assert raised.value.trouble == "cancelled"
    assert not hub.repositories[NAME].files


@pytest.mark.parametrize("name", ["one.gguf", "README.md"])
def test_a_file_that_the_repository_ignores_is_named(
    name: str, hub: HubStandIn, place: HubPlace, files: list[SentFile]
) -> None:
    hub.ignored = {name}
    with pytest.raises(HubError, match=rf"{name} would not be taken: \.gitignore in owner/tale"):
        list(sending(place, files))
    assert not hub.commits
    hub.ignored = set()
    list(sending(place, files))
    assert name in hub.repositories[NAME].files
