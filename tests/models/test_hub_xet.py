"""Where the Hub offers Xet, files come by it from any byte on; else plain HTTP does it."""

from pathlib import Path

import pytest
from hub_contents import TOKEN, repository
from hub_fixtures import FILE, LARGE, QUICK, REPOSITORY, files_below, place_of
from hub_stand_in import Failure, HubStandIn

from storytui.models.hub.download import Download
from storytui.models.hub.errors import HubError
from storytui.models.hub.place import HubPlace
from storytui.models.starter import starter_model

AHEAD = 64 << 20
"""Bytes that Xet may hold in memory ahead of the disk, and that are lost with the process."""


@pytest.fixture
def place(hub: HubStandIn, tmp_path: Path) -> HubPlace:
    hub.offers_xet = True
    return place_of(hub, tmp_path, xet=True)


def download(place: HubPlace) -> Download:
    return Download(place, REPOSITORY, [FILE], patience=QUICK)


def test_a_file_comes_by_xet_where_it_is_offered(hub: HubStandIn, place: HubPlace) -> None:
    running = download(place)

    assert running.run().read_bytes() == LARGE
    assert running.bytes_fetched == len(LARGE)
    assert hub.requests("/xorbs/")
    assert not hub.requests("/bytes/")


def test_a_setting_keeps_it_to_plain_http(hub: HubStandIn, place: HubPlace, tmp_path: Path) -> None:
    plain = place_of(hub, tmp_path, xet=False)

    assert download(plain).run().read_bytes() == LARGE
    assert not hub.requests("/xorbs/")
    assert not hub.requests("xet-read-token")


def test_wrong_bytes_are_refused(hub: HubStandIn, place: HubPlace) -> None:
    hub.wrong_bytes = {FILE}

    with pytest.raises(HubError, match="was removed"):
        download(place).run()
    assert hub.requests("/xorbs/")
    assert files_below(place.cache) == []


def test_what_came_by_plain_http_is_gone_on_from(hub: HubStandIn, tmp_path: Path) -> None:
    hub.cuts = [3_000_000] * 9
    with pytest.raises(HubError, match="broke off again and again"):
        download(place_of(hub, tmp_path)).run()
    hub.cuts, hub.offers_xet = [], True

    running = download(place_of(hub, tmp_path, xet=True))

    assert running.run().read_bytes() == LARGE
    assert running.bytes_fetched == len(LARGE) - 3_000_000
    assert hub.requests("/xorbs/")


def test_an_end_of_the_program_costs_no_more_than_what_is_in_memory(
    hub: HubStandIn, place: HubPlace
) -> None:
    model = starter_model()
    if model is None:
        pytest.skip("the built-in model is not installed")
    hub.repositories["real/Small"] = repository({"small.gguf": model})
    hub.rate = 20_000_000
    first = Download(place, "real/Small", ["small.gguf"])
    with pytest.raises(HubError, match="cancelled"):
        cancel_at(first, 20_000_000)
    stood = next(place.cache.glob("**/*.incomplete")).stat().st_size
    hub.rate = 0

    second = Download(place, "real/Small", ["small.gguf"])

    assert second.run().read_bytes() == model.read_bytes()
    assert second.bytes_fetched == model.stat().st_size - stood
    assert hub.total_sent <= model.stat().st_size * 1.001 + AHEAD


def cancel_at(running: Download, done: int) -> None:
    for step in running:
        if step.done >= done:
            running.cancel()


@pytest.mark.parametrize("where", ["xet-read-token", "/v1/reconstructions/", "/xorbs/"])
def test_where_xet_fails_plain_http_does_it(where: str, hub: HubStandIn, place: HubPlace) -> None:
    hub.failures = [Failure(where, 403, times=99)]

    assert download(place).run().read_bytes() == LARGE
    assert hub.requests("/bytes/")


def test_the_token_goes_to_the_hub_alone(hub: HubStandIn, tmp_path: Path) -> None:
    hub.offers_xet = True
    hub.repositories[REPOSITORY].gated = True

    download(place_of(hub, tmp_path, xet=True, HF_TOKEN=TOKEN)).run()

    with_token = [each for each in hub.seen if TOKEN in str(each.headers)]
    assert hub.requests("/xorbs/")
    assert all(each.host.startswith("127.0.0.1") for each in with_token)
    assert all("/v1/" not in each.path and "/v2/" not in each.path for each in with_token)


def test_the_token_is_not_asked_for_by_another_host(hub: HubStandIn, tmp_path: Path) -> None:
    hub.offers_xet = True
    hub.asks_for_token_at = hub.elsewhere

    download(place_of(hub, tmp_path, xet=True, HF_TOKEN=TOKEN)).run()

    assert not hub.requests("xet-read-token")
    assert not hub.requests("/xorbs/")


def test_nothing_is_told_to_anybody(hub: HubStandIn, place: HubPlace) -> None:
    download(place).run()

    kinds = ("/api/models/", "/resolve/", "/v1/reconstructions/", "/v2/reconstructions/", "/xorbs/")
    assert [each.path for each in hub.seen if not any(kind in each.path for kind in kinds)] == []
    assert {each.method for each in hub.seen} <= {"GET", "HEAD"}
