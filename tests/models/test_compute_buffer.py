"""The allocator on paper: what gets a place, and when it is taken back."""

from storytui.models.compute_buffer import Graph, Piece, buffer_size

SIDE = 32


def given(rows: int = SIDE) -> Piece:
    return Piece((rows, SIDE, 1, 1), 4)


def made(*sources: Piece, rows: int = SIDE, in_place: bool = False) -> Piece:
    return Piece((rows, SIDE, 1, 1), 4, sources, in_place=in_place)


def needed(*ends: Piece) -> int:
    """In matrices of SIDE rows."""
    graph = Graph()
    for end in ends:
        graph.expand(end)
    size, rest = divmod(buffer_size(graph, 32), SIDE * SIDE * 4)
    assert not rest
    return size


def test_a_chain_needs_room_for_two_however_long_it_is() -> None:
    piece = given()
    for _ in range(20):
        piece = made(piece)

    assert needed(piece) == 2


def test_what_is_done_in_place_needs_no_room_of_its_own() -> None:
    piece = given()
    for _ in range(20):
        piece = made(piece, in_place=True)

    assert needed(piece) == 1


def test_what_is_used_again_keeps_its_place() -> None:
    kept = made(given())
    branch = made(kept, in_place=True)

    # The first was given, the second is kept, and nothing may be written over it meanwhile.
    assert needed(made(branch, kept, in_place=True)) == 2


def test_an_output_keeps_its_place() -> None:
    output = made(given())
    output.output = True

    assert needed(made(made(made(output)))) == 3


def test_a_view_keeps_what_it_shows() -> None:
    shown = made(given())
    view = Piece((SIDE * SIDE, 1, 1, 1), 4, (shown,), base=shown)
    first = made(given())
    second = made(first)
    end = made(view, second)

    needed(view, end)

    assert shown.at not in (first.at, second.at, end.at)


def test_what_is_written_into_the_cache_needs_no_room() -> None:
    stored = Piece((SIDE, SIDE, 1, 1), 4, (made(given()),), stored=True)

    assert needed(stored) == 2


def test_the_smallest_gap_that_suffices_is_taken() -> None:
    wide, between, narrow, behind = given(4 * SIDE), given(), given(), given()
    graph = Graph()
    for leaf in (wide, between, narrow, behind):
        graph.expand(leaf)
    # Both give their places back to what is too large for them.
    graph.expand(made(wide, rows=8 * SIDE))
    graph.expand(made(narrow, rows=8 * SIDE))
    after = made(behind)
    graph.expand(after)

    buffer_size(graph, 32)

    # Not where the wide one was.
    assert after.at == narrow.at


def test_places_are_aligned() -> None:
    graph = Graph()
    graph.expand(Piece((1, 1, 1, 1), 4))
    graph.expand(Piece((1, 1, 1, 1), 4))

    assert buffer_size(graph, 128) == 256
