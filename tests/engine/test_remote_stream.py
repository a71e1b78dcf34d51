"""Streams of other servers: any split gives the same, and what is cut off is noticed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from remote_streams import ANSWER, KINDS, REASONING, TAGGED, chunk, cut, event

from storytui.engine.remote.stream import (
    MOST_EVENT,
    Delta,
    EventReader,
    StreamError,
    Usage,
    read_delta,
)


def read(pieces: list[bytes]) -> list[str]:
    reader = EventReader()
    found = [data for piece in pieces for data in reader.feed(piece)]
    return found + reader.close()


def deltas(pieces: list[bytes]) -> list[Delta]:
    return [read_delta(data) for data in read(pieces)]


@pytest.mark.parametrize("kind", KINDS)
@given(places=st.lists(st.integers(0, 6000), max_size=40))
def test_any_split_of_the_bytes_gives_the_same_events(kind: str, places: list[int]) -> None:
    assert deltas(cut(KINDS[kind], places)) == deltas([KINDS[kind]])


@pytest.mark.parametrize("kind", KINDS)
def test_byte_by_byte_gives_the_same_events(kind: str) -> None:
    stream = KINDS[kind]

    assert deltas([bytes([each]) for each in stream]) == deltas([stream])


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_brings_the_whole_reply(kind: str) -> None:
    found = deltas([KINDS[kind]])
    thoughts = "".join(each.thought for each in found)
    text = "".join(each.text for each in found)

    assert (thoughts, text) in ((REASONING, ANSWER), ("", TAGGED))
    assert [each.finish for each in found if each.finish] == ["stop"]


@given(
    lines=st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]))),
    ends=st.lists(st.sampled_from(["\n", "\r\n", "\r"]), min_size=1),
    places=st.lists(st.integers(0, 500), max_size=20),
)
def test_lines_may_end_in_any_of_three_ways(
    lines: list[str], ends: list[str], places: list[int]
) -> None:
    pieces = [
        f"data: {line}{ends[number % len(ends)]}{ends[(number + 1) % len(ends)]}"
        for number, line in enumerate(lines)
        if line
    ]

    # An LF behind a CR is the end of the same line, so these two may be one.
    if not any("\r\n" in piece[-2:] and not piece.endswith("\r\n\r\n") for piece in pieces):
        stream = "".join(pieces).encode()
        assert "".join(read(cut(stream, places))) == "".join(filter(None, lines))


def test_comments_and_other_fields_are_passed_over() -> None:
    stream = b": OPENROUTER PROCESSING\n\nevent: message\nid: 3\nretry: 10\ndata: {}\n\n: ping\n\n"

    assert read([stream]) == ["{}"]


def test_data_in_several_lines_is_one_event() -> None:
    assert read([b"data: {\ndata: }\n\n"]) == ["{\n}"]


def test_a_byte_order_mark_in_front_is_no_text() -> None:
    assert read([b"\xef\xbb", b"\xbfdata: {}\n\n"]) == ["{}"]


@pytest.mark.parametrize("kind", KINDS)
def test_cut_off_at_any_byte_the_rest_is_as_it_was(kind: str) -> None:
    stream = KINDS[kind]
    whole = read([stream])
    for end in range(len(stream)):
        *found, last = [*read([stream[:end]]), ""]

        assert found == whole[: len(found)] or found[:-1] == whole[: len(found) - 1]
        if found and found != whole[: len(found)]:
            with pytest.raises(StreamError):
                read_delta(found[-1])
        assert last == ""


def test_the_last_event_may_lack_its_line_end() -> None:
    assert deltas([b'data: {"choices": [{"finish_reason": "stop"}]}'])[0].finish == "stop"


def test_an_event_without_an_end_is_refused() -> None:
    reader = EventReader()
    reader.feed(b"data: " + b"x" * (MOST_EVENT - 100))

    with pytest.raises(StreamError, match="no end"):
        reader.feed(b"x" * 200)


@pytest.mark.parametrize("data", ["<html>", "[1]", "3", "{", "[" * 100_000, '"text"'])
def test_what_is_no_event_is_refused(data: str) -> None:
    with pytest.raises(StreamError):
        read_delta(data)


@pytest.mark.parametrize(
    ("value", "words", "status"),
    [
        ({"error": {"message": "Overloaded", "code": 502}, "choices": []}, "Overloaded", 502),
        ({"error": "out of memory"}, "out of memory", 0),
        ({"object": "error", "message": "too long", "code": 400}, "too long", 400),
        ({"detail": "Not authenticated"}, "Not authenticated", 0),
        ({"error": {"code": 500}}, '{"code": 500}', 500),
    ],
)
def test_errors_come_in_several_shapes(value: object, words: str, status: int) -> None:
    (found,) = deltas([event(value)])

    assert (found.error, found.status) == (words, status)


def test_an_error_may_be_called_a_finish() -> None:
    assert read_delta(event(chunk({}, "error"))[6:].decode()).error


@pytest.mark.parametrize(
    "data",
    [
        '{"choices": null}',
        '{"choices": [null]}',
        '{"choices": [{"delta": null, "finish_reason": null}]}',
        '{"choices": [{"delta": {"content": 3}}], "usage": {"prompt_tokens": "many"}}',
        '{"choices": [{"index": 1, "delta": {"content": "of another"}}]}',
        '{"prompt_progress": 3, "timings": []}',
        "{}",
    ],
)
def test_odd_events_bring_nothing(data: str) -> None:
    found = read_delta(data)

    assert (found.text, found.thought, found.finish, found.error) == ("", "", "", "")


def test_what_it_cost_and_what_was_remembered_are_read() -> None:
    *_, cost, _done = deltas([KINDS["llama-server"]])

    assert cost.usage == Usage(prompt=40, generated=21, cached=32)
    assert (32, 40) in [each.read for each in deltas([KINDS["llama-server"]])]


def test_half_a_character_of_two_is_shown_as_one_that_is_missing() -> None:
    assert read_delta('{"choices": [{"delta": {"content": "a\\ud83d"}}]}').text == "a\ufffd"
