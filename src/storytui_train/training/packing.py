"""PURE. Which rows make a step of the optimizer, and how they share sequences.

A step is made of a fixed number of rows whatever the memory allows: packing, accumulation and
several processes only deal the same rows out otherwise, so the gradient is the same. It is the
mean over the step's trained tokens, so whoever sums up parts of it divides by the tokens of all.

Rows that share a sequence are told apart by their positions, which begin at 0 with each: models of
transformers make separate attention of that, whole or in windows, where neither an attention mask
nor a cache is given (`use_cache=False`). `separation.attends_apart` tries it.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

from storytui_train.training.rows import TokenRow

NOT_TRAINED = -100
"""The label of a token that is not trained, as torch's cross entropy leaves out."""


class Steps:
    """The rows of each step of a run; any step can be asked for, in any order.

    Each epoch has every row once, in an order of its own. A step that reaches over an epoch's end
    goes on with the next one's first rows, so all steps but the last have as many rows.
    """

    def __init__(
        self, rows: int, *, batch: int, seed: int, epochs: float = 1.0, steps: int = 0
    ) -> None:
        """Plan a run.

        Args:
            rows: how many there are.
            batch: rows of a step.
            seed: of the orders.
            epochs: how often each row is trained; a part of one is its first rows.
            steps: how many; 0: as many as the epochs take, the last one with what is left.

        Raises:
            ValueError: there are no rows, or none to train on.
        """
        if rows < 1 or batch < 1:
            raise ValueError(f"{rows} rows cannot be dealt out by {batch}")
        self.rows = rows
        self.batch = batch
        self._seed = seed
        self._places = steps * batch if steps else max(1, round(rows * epochs))
        self._orders: dict[int, list[int]] = {}

    def __len__(self) -> int:
        """How many steps there are."""
        return ceil(self._places / self.batch)

    def __getitem__(self, step: int) -> tuple[int, ...]:
        """The numbers of the rows of a step, from 0, in their order."""
        if not 0 <= step < len(self):
            raise IndexError(step)
        first = step * self.batch
        places = range(first, min(first + self.batch, self._places))
        return tuple(self._order(place // self.rows)[place % self.rows] for place in places)

    def epoch(self, step: int) -> float:
        """How many epochs are over when so many steps are done."""
        return min(step * self.batch, self._places) / self.rows

    def _order(self, epoch: int) -> list[int]:
        if epoch not in self._orders:
            # A step needs two of them at the most.
            self._orders = {n: each for n, each in self._orders.items() if n == epoch - 1}
            self._orders[epoch] = order(self.rows, self._seed, epoch)
        return self._orders[epoch]


def order(rows: int, seed: int, epoch: int) -> list[int]:
    """The numbers of all rows, in the order of an epoch: always the same for a seed."""
    numbers = list(range(rows))
    random.Random(f"{seed}:{epoch}").shuffle(numbers)
    return numbers


def spread(books: Sequence[str], most: int) -> list[int]:
    """The numbers of at most so many rows: as many of each book, and from all over it.

    Args:
        books: what each row belongs to.
        most: how many rows; 0: all of them.
    """
    if most <= 0 or most >= len(books):
        return list(range(len(books)))
    by_book: dict[str, list[int]] = {}
    for number, book in enumerate(books):
        by_book.setdefault(book, []).append(number)
    shares = _even(most, [len(each) for each in by_book.values()])
    return sorted(
        rows[(2 * place + 1) * len(rows) // (2 * share)]
        for rows, share in zip(by_book.values(), shares, strict=True)
        for place in range(share)
    )


def _even(most: int, sizes: Sequence[int]) -> list[int]:
    """So many things dealt out in turn, to each no more than its size."""
    shares = [0] * len(sizes)
    while most > 0:
        for each, size in enumerate(sizes):
            if most > 0 and shares[each] < size:
                shares[each] += 1
                most -= 1
    return shares


@dataclass(frozen=True, slots=True)
class Packed:
    """Rows that share a sequence, one behind the other; each attends to itself alone."""

    rows: tuple[int, ...]
    """Their numbers."""
    lengths: tuple[int, ...]
    """Their tokens."""

    @property
    def tokens(self) -> int:
        """Tokens of all of them."""
        return sum(self.lengths)

    @property
    def positions(self) -> list[int]:
        """The position of each token, from 0 in each row."""
        return [position for length in self.lengths for position in range(length)]

    @property
    def segments(self) -> list[int]:
        """Which of the rows each token belongs to, from 0."""
        return [number for number, length in enumerate(self.lengths) for _ in range(length)]


def pack(rows: Sequence[int], lengths: Sequence[int], sequence: int) -> list[Packed]:
    """Put rows into as few sequences as first fit finds, the longest row first.

    Args:
        rows: numbers, each of one row of a step.
        lengths: tokens of each row there is, by its number.
        sequence: the most tokens of a sequence; a longer row has one of its own, whole.
    """
    bins: list[list[int]] = []
    room: list[int] = []
    # Rows of one length stay in their order.
    for row in sorted(rows, key=lambda each: -lengths[each]):
        length = lengths[row]
        place = next((n for n, free in enumerate(room) if free >= length), None)
        if place is None:
            bins.append([])
            room.append(sequence)
            place = len(bins) - 1
        bins[place].append(row)
        room[place] -= length
    return [_packed(each, lengths) for each in bins]


def apart(rows: Sequence[int], lengths: Sequence[int]) -> list[Packed]:
    """Each row in a sequence of its own, the longest first, so that neighbours are alike."""
    return [_packed([row], lengths) for row in sorted(rows, key=lambda each: -lengths[each])]


def _packed(rows: Sequence[int], lengths: Sequence[int]) -> Packed:
    return Packed(tuple(rows), tuple(lengths[each] for each in rows))


def turns(sequences: Sequence[Packed], at_once: int) -> list[list[Packed]]:
    """Sequences by those that are computed together: `at_once` of them, the last the rest."""
    return [list(sequences[n : n + at_once]) for n in range(0, len(sequences), at_once)]


def deal(sequences: Sequence[Packed], processes: int) -> list[list[Packed]]:
    """Sequences dealt out to processes, each of them once.

    No two processes get numbers that differ by more than one, and the long ones are spread.
    Whoever has fewer still takes part in what all do together.
    """
    longest_first = sorted(sequences, key=lambda each: -each.tokens)
    hands: list[list[Packed]] = [[] for _ in range(processes)]
    for start in range(0, len(longest_first), processes):
        # To and fro: who got the longest of one round gets the shortest of the next.
        takers = hands if start // processes % 2 == 0 else hands[::-1]
        for hand, each in zip(takers, longest_first[start : start + processes], strict=False):
            hand.append(each)
    return hands


@dataclass(frozen=True, slots=True)
class Layout:
    """Sequences that are computed together, padded to the longest: lists of equal length."""

    tokens: list[list[int]]
    positions: list[list[int]]
    """From 0 in each row; what pads is a row of its own, to which nothing attends."""
    segments: list[list[int]]
    """Which row of its sequence each token belongs to; -1: it pads."""
    labels: list[list[int]]
    """Each token where it is trained, in its own place (it is predicted in front of it), else
    `NOT_TRAINED`."""

    @property
    def trained(self) -> int:
        """How many tokens are trained."""
        return sum(each != NOT_TRAINED for line in self.labels for each in line)


def lay_out(turn: Sequence[Packed], row: Callable[[int], TokenRow], pad: int = 0) -> Layout:
    """The tokens of sequences that are computed together.

    Args:
        turn: the sequences.
        row: gives the row of a number.
        pad: the token that fills up; it is never trained and never seen.
    """
    width = max((each.tokens for each in turn), default=0)
    layout = Layout([], [], [], [])
    for packed in turn:
        tokens: list[int] = []
        labels: list[int] = []
        for found in map(row, packed.rows):
            tokens += found.tokens
            labels += [NOT_TRAINED] * found.reply
            labels += found.tokens[found.reply :]
        missing = width - len(tokens)
        layout.tokens.append(tokens + [pad] * missing)
        layout.labels.append(labels + [NOT_TRAINED] * missing)
        layout.positions.append([*packed.positions, *range(missing)])
        layout.segments.append(packed.segments + [-1] * missing)
    return layout
