"""Whatever breaks off a download, what came stays, and no byte is fetched twice."""

import random
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hub_contents import repository
from hub_fixtures import FILE, LARGE, QUICK, REPOSITORY, files_below
from hub_stand_in import Failure, HubStandIn

from storytui.models.fingerprint import known
from storytui.models.hub.download import Download
from storytui.models.hub.errors import HubError
from storytui.models.hub.messages import Progress
from storytui.models.hub.place import HubPlace
from storytui.models.starter import starter_model

TEN_MIB = 10 << 20


def download(place: HubPlace, *files: str, name: str = REPOSITORY) -> Download:
    return Download(place, name, files or (FILE,), patience=QUICK)


def trouble(running: Download) -> HubError:
    with pytest.raises(HubError) as caught:
        running.run()
    return caught.value


def partials(place: HubPlace) -> list[Path]:
    return list(place.cache.glob("**/*.incomplete"))


# --- breaks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("resets", [False, True])
def test_three_breaks_cost_at_most_ten_mebibytes_each(
    resets: bool, hub: HubStandIn, place: HubPlace
) -> None:
    model = starter_model()
    if model is None:
        pytest.skip("the built-in model is not installed")
    hub.repositories["real/Small"] = repository({"small.gguf": model})
    size = model.stat().st_size
    hub.cuts = sorted(random.Random(3).sample(range(1, size), 3))
    hub.resets = resets

    path = download(place, "small.gguf", name="real/Small").run()

    assert hub.cuts == []
    assert size <= hub.total_sent <= size + 3 * TEN_MIB
    assert path.read_bytes() == model.read_bytes()


def test_three_ends_of_the_program_cost_at_most_ten_mebibytes_each(
    hub: HubStandIn, place: HubPlace
) -> None:
    model = starter_model()
    if model is None:
        pytest.skip("the built-in model is not installed")
    hub.repositories["real/Small"] = repository({"small.gguf": model})
    size = model.stat().st_size
    hub.rate = 60_000_000
    for until in (15_000_000, 40_000_000, 70_000_000):
        running = download(place, "small.gguf", name="real/Small")
        with pytest.raises(HubError, match="cancelled"):
            end_where(running, lambda step, until=until: step.done >= until)
        assert partials(place)[0].stat().st_size >= until

    path = download(place, "small.gguf", name="real/Small").run()

    assert size <= hub.total_sent <= size + 3 * TEN_MIB
    assert path.read_bytes() == model.read_bytes()
    assert partials(place) == []


def end_where(running: Download, there: Callable[[Progress], bool]) -> None:
    """Follow a download and cancel it at some point."""
    for step in running:
        if there(step):
            running.cancel()


@pytest.mark.parametrize("cut", [1, 2, 65_535, 65_536, 65_537, len(LARGE) - 1])
def test_a_break_at_any_byte_is_gone_on_from(cut: int, hub: HubStandIn, place: HubPlace) -> None:
    hub.cuts = [cut]

    assert download(place).run().read_bytes() == LARGE
    assert hub.total_sent == len(LARGE)


def test_every_byte_goes_on_from_where_it_was(hub: HubStandIn, place: HubPlace) -> None:
    hub.repositories["few/Bytes"] = repository({"few.gguf": LARGE[:40]})
    hub.cuts = list(range(1, 40))

    path = Download(place, "few/Bytes", ["few.gguf"], patience=(0.001,) * 50).run()

    assert path.read_bytes() == LARGE[:40]
    assert hub.total_sent == 40


def test_a_server_without_ranges_sends_all_again_and_it_still_fits(
    hub: HubStandIn, place: HubPlace
) -> None:
    hub.knows_ranges = False
    hub.cuts = [3_000_000]

    assert download(place).run().read_bytes() == LARGE


def test_breaks_without_end_end_in_a_sentence_and_what_came_stays(
    hub: HubStandIn, place: HubPlace
) -> None:
    hub.cuts = [3_000_000] * 9

    error = trouble(download(place))

    assert error.trouble == "broken-off"
    assert "2 MiB" in str(error) or "3 MiB" in str(error)
    assert "the next try goes on from there" in str(error)
    assert partials(place)[0].stat().st_size == 3_000_000
    hub.cuts = []
    assert download(place).run().read_bytes() == LARGE
    assert hub.total_sent == len(LARGE)


def test_as_long_as_it_gets_on_it_tries_again(hub: HubStandIn, place: HubPlace) -> None:
    hub.cuts = list(range(100_000, 5_000_000, 200_000))

    assert download(place).run().read_bytes() == LARGE
    assert hub.total_sent == len(LARGE)


def test_a_hub_out_of_order_is_asked_again(hub: HubStandIn, place: HubPlace) -> None:
    hub.failures = [
        Failure("/resolve/", 503, times=2),
        Failure("/bytes/", 502, times=2),
    ]

    seen = list(download(place))

    assert any(each.phase == "waiting" and each.note for each in seen)
    assert seen[-1].phase == "checking"


def test_the_hub_is_given_the_time_that_it_asks_for(hub: HubStandIn, place: HubPlace) -> None:
    hub.failures = [Failure("/bytes/", 429, headers={"Retry-After": "1"})]

    notes = [each.note for each in download(place) if each.phase == "waiting"]

    assert notes == ["the Hub asks to wait"]


def test_it_does_not_wait_for_an_hour(hub: HubStandIn, place: HubPlace) -> None:
    hub.failures = [Failure("/bytes/", 429, headers={"Retry-After": "3600"})]

    error = trouble(download(place))

    assert error.trouble == "busy"
    assert "in 60 minutes" in str(error)


def test_addresses_that_have_expired_are_asked_for_anew(hub: HubStandIn, place: HubPlace) -> None:
    hub.cuts = [1_000_000, 2_000_000]

    download(place).run()

    assert len(hub.requests("/resolve/", "HEAD")) == 3


# --- wrong bytes ----------------------------------------------------------------------------------


def test_wrong_bytes_of_the_right_length_are_refused_and_removed(
    hub: HubStandIn, place: HubPlace
) -> None:
    hub.wrong_bytes = {FILE}

    error = trouble(download(place))

    assert error.trouble == "wrong-bytes"
    assert "was removed" in str(error)
    assert files_below(place.cache) == []
    assert [path.name for path in place.cache.iterdir()] == [".locks"]
    assert known(place.cache, place.hashes) is None


def test_after_wrong_bytes_the_right_ones_come(hub: HubStandIn, place: HubPlace) -> None:
    hub.wrong_bytes = {FILE}
    trouble(download(place))
    hub.wrong_bytes = set()

    assert download(place).run().read_bytes() == LARGE


def test_what_came_before_a_break_is_checked_too(hub: HubStandIn, place: HubPlace) -> None:
    hub.cuts = [3_000_000] * 9
    trouble(download(place))
    partial = partials(place)[0]
    partial.write_bytes(b"?" + partial.read_bytes()[1:])
    hub.cuts = []

    assert trouble(download(place)).trouble == "wrong-bytes"
    assert partials(place) == []


def test_a_wrong_file_that_somebody_else_put_there_is_fetched_anew(
    hub: HubStandIn, place: HubPlace
) -> None:
    path = download(place).run()
    path.resolve().write_bytes(LARGE[::-1])

    assert download(place).run().read_bytes() == LARGE
    assert hub.total_sent == 2 * len(LARGE)


def test_a_partial_file_longer_than_the_file_is_begun_anew(
    hub: HubStandIn, place: HubPlace
) -> None:
    hub.cuts = [3_000_000] * 9
    trouble(download(place))
    partials(place)[0].write_bytes(LARGE + b"more")
    hub.cuts = []

    assert download(place).run().read_bytes() == LARGE


# --- two at once ----------------------------------------------------------------------------------


def test_of_two_downloads_at_once_one_waits_and_shares(hub: HubStandIn, place: HubPlace) -> None:
    hub.rate = 200_000
    first, second = download(place), download(place)
    begun = threading.Event()

    def follow() -> None:
        for step in first:
            if step.phase == "fetching" and step.done:
                begun.set()
        begun.set()

    thread = threading.Thread(target=follow)
    thread.start()
    assert begun.wait(60)
    notes = set()
    for step in second:
        notes.add(step.note)
        if step.note:
            hub.rate = 0
    thread.join()

    assert first.path == second.path
    assert second.path.read_bytes() == LARGE
    assert "another program is fetching it" in notes
    assert (first.bytes_fetched, second.bytes_fetched) == (len(LARGE), 0)
    assert hub.total_sent == len(LARGE)


def test_the_second_goes_on_where_the_first_was_ended(hub: HubStandIn, place: HubPlace) -> None:
    hub.rate = 400_000
    first, second = download(place), download(place)
    ended: list[HubError] = []
    thread = threading.Thread(target=lambda: ended.append(trouble(first)))
    thread.start()
    while not partials(place) or partials(place)[0].stat().st_size < 100_000:
        assert thread.is_alive()
    for step in second:
        if step.note:
            hub.rate = 0
            first.cancel()
    thread.join()

    assert ended[0].trouble == "cancelled"
    assert second.path.read_bytes() == LARGE
    assert hub.total_sent <= len(LARGE) + TEN_MIB
    assert second.bytes_fetched < len(LARGE)


def test_two_beginning_together_fetch_each_byte_once(hub: HubStandIn, place: HubPlace) -> None:
    both = [download(place), download(place)]
    threads = [threading.Thread(target=each.run) for each in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert both[0].path.read_bytes() == both[1].path.read_bytes() == LARGE
    assert hub.total_sent == len(LARGE)
