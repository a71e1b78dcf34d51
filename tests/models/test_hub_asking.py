"""What the Hub is asked, what it answers, and what she is told when it does not."""

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import tiny_gguf
from hub_contents import TOKEN, repository
from hub_fixtures import FILE, LARGE, REPOSITORY, child_that, place_of
from hub_stand_in import Failure, HubStandIn

from storytui.engine.api import ModelError
from storytui.models.hub import asking
from storytui.models.hub.cache import slot
from storytui.models.hub.errors import HubError
from storytui.models.hub.messages import Look, Looked
from storytui.models.hub.place import HubPlace, hub_place
from storytui.models.hub.process import answer_to
from storytui.models.hub.records import is_safe_name
from storytui.models.shape_of_file import shape_in
from storytui.models.starter import starter_model

# --- search and repositories ----------------------------------------------------------------------


def test_a_search_brings_repositories_by_how_often_they_are_fetched(place: HubPlace) -> None:
    found = asking.search(place, "gguf", limit=2)

    assert [each.repository for each in found] == ["other/Poem-GGUF", "owner/Tale-GGUF"]
    found = asking.search(place, "tale gguf")
    assert (found[0].downloads, found[0].likes, found[0].licence) == (500, 10, "apache-2.0")
    assert found[0].updated == "2025-07-31"


def test_a_search_says_what_has_terms(place: HubPlace) -> None:
    (found,) = asking.search(place, "terms")

    assert found.gated


def test_what_a_search_brings_is_fit_to_be_shown(hub: HubStandIn, place: HubPlace) -> None:
    hub.repositories = {
        "evil/\x1b]52;c;aGk=\x07": repository({}, licence="mit\x1b[2J\u202e"),
    }

    (found,) = asking.search(place, "evil")

    assert "\x1b" not in found.repository + found.licence
    assert "\u202e" not in found.licence


def test_a_repository_lists_its_files_with_size_and_hash(hub: HubStandIn, place: HubPlace) -> None:
    found = asking.repository(place, REPOSITORY)

    by_name = {each.name: each for each in found.files}
    assert found.commit == hub.repositories[REPOSITORY].commit
    assert found.licence == "apache-2.0"
    assert by_name[FILE].size == len(LARGE)
    assert by_name[FILE].sha256 == hub.repositories[REPOSITORY].files[FILE].sha256
    assert by_name["README.md"].sha256 == ""


def test_the_file_is_chosen_by_pattern(place: HubPlace) -> None:
    found = asking.repository(place, REPOSITORY)

    assert [each.name for each in found.chosen(["*q5*.gguf", "*q4_k_m*.gguf"])] == [FILE]
    with pytest.raises(ModelError, match="no file like"):
        found.chosen(["*q2*.gguf"])


@pytest.mark.parametrize("name", ["../../up.gguf", "/etc/up.gguf", "a\\b.gguf", "a//b", "c:d.gguf"])
def test_files_that_would_leave_their_folder_are_not_there(
    name: str, hub: HubStandIn, place: HubPlace
) -> None:
    hub.repositories[REPOSITORY] = repository({name: b"x", "good.gguf": b"y"})

    assert not is_safe_name(name)
    assert [each.name for each in asking.repository(place, REPOSITORY).files] == ["good.gguf"]


def test_nothing_is_asked_but_what_was_asked_for(hub: HubStandIn, place: HubPlace) -> None:
    record = asking.repository(place, "other/Poem-GGUF")
    asking.shape_on_hub(place, record, record.files)

    assert {each.path.split("/")[1] for each in hub.seen} == {"api", "other", "bytes"}
    assert [each.path for each in hub.requests("/api/")] == [
        "/api/models/other/Poem-GGUF/revision/main"
    ]


# --- the header before a download -----------------------------------------------------------------


def same(far: object, near: object) -> bool:
    fields = ("architecture", "trained_context", "width", "vocabulary", "layers", "window", "host")
    return all(getattr(far, each) == getattr(near, each) for each in (*fields, "output", "tied"))


def test_the_shape_is_that_of_the_file(hub: HubStandIn, place: HubPlace, tmp_path: Path) -> None:
    record = asking.repository(place, "other/Poem-GGUF")
    near = tmp_path / "near.gguf"
    near.write_bytes(bytes(tiny_gguf.llama().data))

    assert same(asking.shape_on_hub(place, record, record.files), shape_in(near))


def test_of_a_real_model_little_more_than_the_header_is_fetched(
    hub: HubStandIn, place: HubPlace
) -> None:
    model = starter_model()
    if model is None:
        pytest.skip("the built-in model is not installed")
    hub.repositories["real/Small"] = repository({"small.gguf": model})
    record = asking.repository(place, "real/Small")

    measured = asking.measured_on_hub(place, record, record.files)

    assert same(measured.shape, shape_in(model))
    assert measured.fetched == hub.total_sent <= 4 << 20


def test_a_long_header_is_fetched_once_in_growing_parts(hub: HubStandIn, place: HubPlace) -> None:
    pairs = [*tiny_gguf.llama_pairs(), tiny_gguf.text("tale.notes", "x" * (5 << 20))]
    long = tiny_gguf.write(pairs, tiny_gguf.llama_tensors())
    hub.repositories["long/One"] = repository({"long.gguf": bytes(long.data)})
    record = asking.repository(place, "long/One")

    asking.shape_on_hub(place, record, record.files)

    asked = [each.headers["range"] for each in hub.requests("/bytes/")]
    assert asked[:3] == ["bytes=0-1048575", "bytes=1048576-2097151", "bytes=2097152-4194303"]
    assert hub.total_sent <= 2 * long.header + (1 << 20)


def test_a_break_costs_only_what_was_on_its_way(hub: HubStandIn, place: HubPlace) -> None:
    record = asking.repository(place, "other/Poem-GGUF")
    hub.cuts = [5000]

    asking.shape_on_hub(place, record, record.files)

    assert hub.total_sent == record.files[0].size


def test_the_shape_of_a_divided_model_is_that_of_all_parts(
    hub: HubStandIn, place: HubPlace, tmp_path: Path
) -> None:
    parts = divided()
    for name, data in parts.items():
        (tmp_path / name).write_bytes(data)
    hub.repositories["split/One"] = repository(parts)
    record = asking.repository(place, "split/One")

    far = asking.shape_on_hub(place, record, record.chosen(["*.gguf"]))

    near = shape_in(tmp_path / "One-00001-of-00002.gguf")
    assert same(far, near)
    assert far.file_bytes == near.file_bytes


def divided() -> dict[str, bytes]:
    """The tiny llama in two parts, the first of which holds the vocabulary's weights alone."""
    tensors = tiny_gguf.llama_tensors()
    marks = [
        tiny_gguf.scalar("split.count", tiny_gguf.UINT32, 2),
        tiny_gguf.scalar("split.tensors.count", tiny_gguf.INT32, len(tensors)),
    ]
    first = tiny_gguf.write(
        [
            *tiny_gguf.llama_pairs(),
            *marks,
            tiny_gguf.scalar("split.no", tiny_gguf.UINT32, 0),
        ],
        tensors[:1],
    )
    second = tiny_gguf.write(
        [*marks, tiny_gguf.scalar("split.no", tiny_gguf.UINT32, 1)], tensors[1:]
    )
    return {
        "One-00001-of-00002.gguf": bytes(first.data),
        "One-00002-of-00002.gguf": bytes(second.data),
    }


def test_a_file_that_is_no_model_is_said(place: HubPlace) -> None:
    record = asking.repository(place, REPOSITORY)

    with pytest.raises(HubError, match="is not a GGUF file") as caught:
        asking.shape_on_hub(place, record, record.chosen(["*q4_k_m*"]))

    assert caught.value.trouble == "unusable"


def test_a_header_that_cannot_be_is_said(hub: HubStandIn, place: HubPlace) -> None:
    data = bytes(tiny_gguf.llama().data)[:3000]
    hub.repositories["short/One"] = repository({"short.gguf": data})
    record = asking.repository(place, "short/One")

    with pytest.raises(HubError, match=r"breaks off inside its header\. Choose another file"):
        asking.shape_on_hub(place, record, record.files)


# --- what she is told -----------------------------------------------------------------------------


def trouble(place: HubPlace, name: str = REPOSITORY) -> HubError:
    with pytest.raises(HubError) as caught:
        asking.repository(place, name)
    return caught.value


def test_a_repository_that_is_not_there(place: HubPlace) -> None:
    error = trouble(place, "nobody/Nothing")

    assert error.trouble == "missing"
    assert "There is no repository nobody/Nothing" in str(error)
    assert "HF_TOKEN if it is private" in str(error)


def test_a_name_that_is_none(place: HubPlace) -> None:
    assert "One looks like owner/name" in str(trouble(place, "a/b/c"))


def test_a_private_one_opens_to_the_right_token(hub: HubStandIn, tmp_path: Path) -> None:
    assert trouble(place_of(hub, tmp_path), "closed/Secret-GGUF").trouble == "missing"
    found = asking.repository(place_of(hub, tmp_path, HF_TOKEN=TOKEN), "closed/Secret-GGUF")
    assert len(found.files) == 1


def test_a_token_that_is_not_taken(hub: HubStandIn, tmp_path: Path) -> None:
    error = trouble(place_of(hub, tmp_path, HF_TOKEN="hf_wrongOne"))

    assert error.trouble == "refused"
    assert error.address == f"{hub.endpoint}/settings/tokens"
    assert "does not take the token" in str(error)
    assert "hf_wrongOne" not in str(error)


def test_terms_that_were_not_accepted(hub: HubStandIn, place: HubPlace) -> None:
    record = asking.repository(place, "gated/Terms-GGUF")
    with pytest.raises(HubError) as caught:
        asking.shape_on_hub(place, record, record.files)

    assert record.gated
    assert caught.value.trouble == "gated"
    assert caught.value.address == f"{hub.endpoint}/gated/Terms-GGUF"
    assert "terms to accept first" in str(caught.value)
    assert "HF_TOKEN" in str(caught.value)


def test_terms_that_were_accepted(hub: HubStandIn, tmp_path: Path) -> None:
    place = place_of(hub, tmp_path, HF_TOKEN=TOKEN)
    record = asking.repository(place, "gated/Terms-GGUF")

    assert len(asking.shape_on_hub(place, record, record.files).layers) == 1


def test_the_token_goes_to_the_hub_and_to_no_other_host(hub: HubStandIn, tmp_path: Path) -> None:
    place = place_of(hub, tmp_path, HF_TOKEN=TOKEN)
    record = asking.repository(place, "gated/Terms-GGUF")
    asking.shape_on_hub(place, record, record.files)

    elsewhere = [each for each in hub.seen if each.host.startswith("localhost")]
    at_the_hub = [each for each in hub.seen if each.host.startswith("127.0.0.1")]
    assert elsewhere
    assert at_the_hub
    assert all("authorization" not in each.headers for each in elsewhere)
    assert all(TOKEN not in str(each.headers) for each in elsewhere)
    assert all(each.headers["authorization"] == f"Bearer {TOKEN}" for each in at_the_hub)


def test_offline_nothing_is_asked(hub: HubStandIn, tmp_path: Path) -> None:
    error = trouble(place_of(hub, tmp_path, HF_HUB_OFFLINE="1"))

    assert error.trouble == "offline"
    assert "HF_HUB_OFFLINE" in str(error)
    assert hub.seen == []


def test_no_network(place: HubPlace, hub: HubStandIn) -> None:
    hub.__exit__()

    error = trouble(place)

    assert error.trouble == "unreachable"
    assert f"127.0.0.1:{hub.port} cannot be reached" in str(error)


def test_a_page_to_sign_in(hub: HubStandIn, place: HubPlace) -> None:
    hub.captive = True

    error = trouble(place)

    assert error.trouble == "not-the-hub"
    assert "sign in" in str(error)


@pytest.mark.parametrize("body", [b"[]", b'{"id": 3}', b"null", b'{"sha": "x", "id": "a/b"}'])
def test_answers_that_are_not_the_hubs(body: bytes, hub: HubStandIn, place: HubPlace) -> None:
    hub.instead = body

    assert trouble(place).trouble == "not-the-hub"


@pytest.mark.parametrize("body", [b'[{"id": 3}]', b"null", b"[1]"])
def test_findings_that_are_not_the_hubs(body: bytes, hub: HubStandIn, place: HubPlace) -> None:
    hub.instead = body

    with pytest.raises(HubError, match="is not the Hugging Face Hub"):
        asking.search(place, "x")


def test_an_address_that_is_none(hub: HubStandIn, tmp_path: Path) -> None:
    error = trouble(place_of(hub, tmp_path, HF_ENDPOINT="huggingface.co"))

    assert error.trouble == "not-the-hub"
    assert "HF_ENDPOINT" in str(error)


def test_a_proxy_that_is_not_there(hub: HubStandIn, tmp_path: Path) -> None:
    place = place_of(
        hub, tmp_path, HF_ENDPOINT="http://hub.invalid", http_proxy="http://127.0.0.1:9"
    )

    assert trouble(place).trouble == "unreachable"
    assert hub.seen == []


def test_a_certificate_that_is_not_trusted(hub: HubStandIn, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1"]
    try:
        made = ["openssl", *words, "-keyout", str(key), "-out", str(certificate)]
        subprocess.run(made, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("openssl is not here")
    hub.encrypt(certificate, key)

    error = trouble(place_of(hub, tmp_path, HF_ENDPOINT=f"https://127.0.0.1:{hub.port}"))

    assert error.trouble == "unreachable"
    assert "is not safe" in str(error)
    assert hub.seen == []


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_hub_that_is_out_of_order(status: int, hub: HubStandIn, place: HubPlace) -> None:
    hub.failures = [Failure("/api/models", status, times=9)]

    error = trouble(place)

    assert error.trouble == "busy"
    assert str(status) not in str(error).replace(str(hub.port), "")


def test_a_hub_that_was_asked_too_often(hub: HubStandIn, place: HubPlace) -> None:
    hub.failures = [Failure("/api/models", 429, times=9, headers={"Retry-After": "600"})]

    error = trouble(place)

    assert error.trouble == "busy"
    assert "in 10 minutes" in str(error)


def test_a_process_that_says_nothing(place: HubPlace) -> None:
    with pytest.raises(HubError, match="ended without an answer"):
        answer_to(place, Look("a/b", "main"), Looked, ("true",))
    with pytest.raises(HubError, match="no process can be started"):
        answer_to(place, Look("a/b", "main"), Looked, ("/no/such/program",))


def test_a_fault_of_its_own_is_said_without_what_it_holds(place: HubPlace) -> None:
    broken = child_that(
        "import storytui.models.hub.session as s\n"
        "def look(order): raise ZeroDivisionError('hf_secret')\n"
        "s.look = look"
    )
    with pytest.raises(HubError, match=r"fault of its own .ZeroDivisionError.") as caught:
        answer_to(place, Look("a/b", "main"), Looked, broken)
    assert "hf_secret" not in str(caught.value)


def test_a_talk_with_a_hub_that_never_answers_ends_when_it_is_told_to(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        place = hub_place(
            {**os.environ, "HF_ENDPOINT": address, "HF_HOME": str(tmp_path)}, tmp_path, sys.platform
        )

        def end() -> None:
            silent.accept()
            place.talks.end()

        ending = threading.Thread(target=end)
        ending.start()
        with pytest.raises(HubError) as raised:
            asking.search(place, "tale")
        ending.join()
    assert raised.value.trouble == "cancelled"
    with pytest.raises(HubError) as raised:
        asking.search(place, "tale")
    assert raised.value.trouble == "cancelled"


def test_what_a_download_left_is_counted_as_here(hub: HubStandIn, tmp_path: Path) -> None:
    place = place_of(hub, tmp_path)
    record = asking.repository(place, REPOSITORY)
    (file,) = (each for each in record.files if each.name == FILE)
    assert asking.bytes_here(place, record, [file]) == 0
    at = slot(place.cache, REPOSITORY, record.commit, FILE, file.sha256)
    at.blob.parent.mkdir(parents=True)
    at.partial.write_bytes(LARGE[:1000])
    assert asking.bytes_here(place, record, [file]) == 1000
    at.partial.replace(at.blob)
    at.blob.write_bytes(LARGE)
    assert asking.bytes_here(place, record, [file]) == len(LARGE)
