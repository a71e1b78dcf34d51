"""How large llama.cpp's buffer for intermediate results becomes: its allocator, on paper.

ggml gives each node of a graph a place when its turn comes, in its parent's place where the
operation allows that, and takes the place back after the last use (ggml-alloc.c). How much that
needs depends on the order and on what fits into which gap, so it is done here as ggml does it, with
sizes only.
"""

from dataclasses import dataclass, field

Dimensions = tuple[int, int, int, int]
"""Elements by dimension, the innermost first."""


@dataclass(eq=False, slots=True)
class Piece:
    """One tensor of a graph. Weights and the cache have memory of their own, and are left out."""

    shape: Dimensions
    element: int
    """Bytes of an element."""
    sources: tuple["Piece", ...] = ()
    base: "Piece | None" = None
    """Whose memory it shows, where it is a view."""
    in_place: bool = False
    """Whether its operation may write over its source."""
    stored: bool = False
    """It writes into the cache: no memory is needed for it."""
    output: bool = False
    """Its place is never taken back."""
    children: int = field(default=0, repr=False)
    views: int = field(default=0, repr=False)
    at: int = field(default=0, repr=False)
    held: bool = field(default=False, repr=False)

    @property
    def size(self) -> int:
        """Bytes."""
        first, second, third, fourth = self.shape
        return first * second * third * fourth * self.element


class Graph:
    """Tensors in the order in which ggml computes them."""

    def __init__(self) -> None:
        self.nodes: list[Piece] = []
        self.leaves: list[Piece] = []
        """What is given from outside."""
        self._seen: set[int] = set()

    def expand(self, piece: Piece) -> None:
        """Add a tensor behind all that it is made of (ggml_build_forward_expand)."""
        waiting: list[tuple[Piece, bool]] = [(piece, False)]
        while waiting:
            each, ready = waiting.pop()
            if ready:
                is_leaf = not each.sources and not each.stored and each.base is None
                (self.leaves if is_leaf else self.nodes).append(each)
            elif id(each) not in self._seen:
                self._seen.add(id(each))
                waiting.append((each, True))
                waiting.extend((source, False) for source in reversed(each.sources))


def buffer_size(graph: Graph, alignment: int) -> int:
    """Bytes of the buffer that a graph's tensors need.

    Args:
        graph: new; its pieces are used up.
        alignment: of the backend, in bytes.
    """
    space = _Space(alignment)
    for leaf in graph.leaves:
        space.place(leaf)
    for node in graph.nodes:
        if node.base is not None:
            node.base.views += 1
        for source in node.sources:
            source.children += 1
    for node in graph.nodes:
        if node.base is None and not node.stored:
            space.place(node)
        for source in node.sources:
            source.children -= 1
            if source.children or source.views:
                continue
            if source.base is not None:
                source.base.views -= 1
                if not source.base.views and not source.base.children:
                    space.take_back(source.base)
            else:
                space.take_back(source)
    return space.highest


class _Space:
    """Memory without end, with gaps."""

    def __init__(self, alignment: int) -> None:
        self._alignment = alignment
        self._gaps: list[list[int]] = [[0, 1 << 62]]
        """Begin and length of each, by their begins; the last has no end."""
        self.highest = 0

    def place(self, piece: Piece) -> None:
        piece.held = True
        for source in piece.sources if piece.in_place else ():
            if _gives_way(source, piece):
                piece.at = source.at
                source.held = False
                return
        size = self._aligned(piece.size)
        best = -1
        for number, (_, length) in enumerate(self._gaps[:-1]):
            # Of equal gaps ggml takes the last.
            if length >= size and (best < 0 or length <= self._gaps[best][1]):
                best = number
        gap = self._gaps[best]
        piece.at = gap[0]
        gap[0] += size
        gap[1] -= size
        if not gap[1]:
            del self._gaps[best]
        self.highest = max(self.highest, piece.at + size)

    def take_back(self, piece: Piece) -> None:
        if piece.output or not piece.held:
            return
        piece.held = False
        begin, length = piece.at, self._aligned(piece.size)
        number = 0
        while number < len(self._gaps) and self._gaps[number][0] < begin:
            number += 1
        self._gaps.insert(number, [begin, length])
        for left in (number, number - 1):
            if 0 <= left < len(self._gaps) - 1:
                here, following = self._gaps[left], self._gaps[left + 1]
                if here[0] + here[1] == following[0]:
                    here[1] += following[1]
                    del self._gaps[left + 1]

    def _aligned(self, size: int) -> int:
        return -(-size // self._alignment) * self._alignment


def _gives_way(source: Piece, piece: Piece) -> bool:
    """Whether a piece is written over its source; never over a view, which owns no memory."""
    last_use = source.children == 1 and not source.views
    same = source.shape == piece.shape and source.element == piece.element
    return same and last_use and source.held and not source.output
