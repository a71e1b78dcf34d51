"""Adds an adapter's product to rows of weights and makes them of their type again.

Weights that were quantised stand exactly on the steps of their blocks. An adapter mostly moves
them by less than half a step, so quantising the sum once gives back what was there: of a product
of 1 % of the weights' size, 1 % is left in Q4_K, 6 % in Q4_1, 22 % in Q6_K (Gaussian weights).
What the adapter does to a layer's input goes through the few directions that its first matrix
looks at. So what is left out in those directions is added again, more of it where nothing moved,
and quantised once more, some times, and of each row the best is kept: then four fifths and more of
it arrives, and the weights are as near to the true sum as moving single ones by whole steps allows.
"""

from dataclasses import dataclass

import numpy as np

from storytui_train.gguf.ggml import F16, F32, Bytes, Floats, Ggml, Kind
from storytui_train.gguf.products import directions, multiplied

ROUNDS = 5
"""How often rows are quantised at the most; 1: once, as they come."""
NEAR = 0.2
"""Share of the adapter's part that may be missing in a row that is not quantised again."""
MOST_F16 = 65_504.0

_STEPS = ((0.03, 8.0), (0.1, 4.0), (0.3, 2.5), (0.6, 1.5), (1.1, 1.0))
"""Up to which share that arrived, how much of what is missing is added; beyond, 0.7."""


class NotFiniteError(Exception):
    """Weights that are no finite numbers, or become none; the message says which."""


@dataclass(frozen=True, slots=True)
class Product:
    """What is added to one matrix: the product of two."""

    a: Floats
    """rank × columns."""
    b: Floats
    """rows × rank, with the scale in it."""
    basis: Floats
    """The directions of `a`'s rows, orthonormal: rank, or less, × columns."""


def product(a: Floats, b: Floats) -> Product:
    """Two matrices, made ready.

    Args:
        a: rank × columns.
        b: rows × rank, scaled.
    """
    return Product(a, b, directions(a))


@dataclass(frozen=True, slots=True)
class Maker:
    """How the weights of one matrix are changed."""

    ggml: Ggml
    kind: Kind
    """What they are."""
    into: Kind
    """What they become."""
    columns: int
    importance: Floats | None = None
    """columns."""
    rounds: int = ROUNDS

    def changed(self, raw: Bytes, product: Product, rows: slice) -> Bytes:
        """The bytes of some rows with the product added; rows to which it adds nothing stay.

        Args:
            raw: the rows' bytes.
            product: of the whole matrix.
            rows: which of it they are.

        Raises:
            NotFiniteError: there is a weight that is no number, or becomes none.
        """
        b = product.b[rows]
        moved = b.any(axis=1)
        same = self.into == self.kind
        if same and not moved.any():
            return raw
        weights = self.ggml.to_floats(self.kind, raw, self.columns)
        added = multiplied(b, product.a)
        wanted = weights + added
        _check(wanted, self.into)
        made = self.ggml.from_floats(self.into, wanted, self.importance)
        if self.into.number not in (F32, F16) and self.rounds > 1:
            self._better(made, wanted, added, product.basis)
        if not self.ggml.valid(self.into, made):
            raise NotFiniteError(f"weights too large for {self.into.name}")
        if same:
            width = self.kind.row(self.columns)
            made.reshape(-1, width)[~moved] = raw.reshape(-1, width)[~moved]
        return made

    def converted(self, raw: Bytes) -> Bytes:
        """The bytes of rows in another type.

        Raises:
            NotFiniteError: there is a weight that is no number, or becomes none.
        """
        weights = self.ggml.to_floats(self.kind, raw, self.columns)
        _check(weights, self.into)
        return self.ggml.from_floats(self.into, weights, self.importance)

    def _better(self, made: Bytes, wanted: Floats, added: Floats, basis: Floats) -> None:
        """Quantise rows again, in place, in which too little of what was added arrived."""
        columns, width = self.columns, self.into.row(self.columns)
        stand = made.reshape(-1, width)
        along = np.ascontiguousarray(basis.T)
        asked = multiplied(added, along)
        sizes = np.linalg.norm(asked, axis=1)
        rows = np.flatnonzero(sizes > 0)
        best = np.full(len(wanted), np.inf, np.float32)
        target = wanted.copy()
        trial = stand[rows]
        for number in range(self.rounds):
            got = self.ggml.to_floats(self.into, np.ascontiguousarray(trial).ravel(), columns)
            missing = multiplied(wanted[rows] - got, along)
            distance = np.linalg.norm(missing, axis=1) / sizes[rows]
            better = distance < best[rows]
            best[rows[better]] = distance[better]
            stand[rows[better]] = trial[better]
            left = distance > NEAR
            rows, missing = rows[left], missing[left]
            if number + 1 == self.rounds or not len(rows):
                return
            arrived = 1 - np.einsum("ij,ij->i", missing, asked[rows]) / sizes[rows] ** 2
            target[rows] += multiplied(_more(arrived)[:, None] * missing, basis)
            trial = self.ggml.from_floats(self.into, target[rows], self.importance)
            trial = trial.reshape(-1, width)


def _more(arrived: Floats) -> Floats:
    """How much of what is missing is added, by the share that arrived."""
    bounds = [bound for bound, _ in _STEPS]
    factors = np.array([factor for _, factor in _STEPS] + [0.7], np.float32)
    chosen: Floats = factors[np.searchsorted(bounds, arrived, side="right")]
    return chosen


def _check(weights: Floats, into: Kind) -> None:
    if not np.isfinite(weights).all():
        raise NotFiniteError("weights that are no finite numbers")
    if into.number == F16 and float(np.abs(weights).max(initial=0)) > MOST_F16:
        raise NotFiniteError("weights too large for f16")
