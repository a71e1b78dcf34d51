"""Adds an adapter's product to rows of weights and makes them of their type again.

Weights that were quantised stand exactly on the steps of their blocks, and an adapter mostly moves
them by a few hundredths of a step, so that rounding the sum gives back what was there: the adapter
is gone. (Of a product of 0.3 % of the weights' size, as short trainings have it, 1 % is left in
Q4_K, and in Q4_1 a tenth of what such an adapter gained.) So the sum is rounded by chance: a weight
that is to move by a tenth of a step moves by a whole one in one case of ten. Then the product
arrives as a whole, spread over the row; what is added to it is noise without a direction, and less
than the quantisation's own. The rounded sums stand on the old steps, where ggml's quantisation
finds them. Products as large as steps need no chance: they are rounded as any weights are.
"""

import zlib
from dataclasses import dataclass

import numpy as np

from storytui_train.gguf.ggml import F16, Bytes, Floats, Ggml, Kind
from storytui_train.gguf.products import multiplied
from storytui_train.gguf.steps import steps

MOST_F16 = 65_504.0

LARGE = 0.4
"""Of a step: rows in which the product's numbers are so large are rounded to the nearest."""

_MANY = np.float32(1 << 16)
"""Steps; what moves a weight by so many is not rounded to them."""


class NotFiniteError(Exception):
    """Weights that are no finite numbers, or become none; the message says which."""


@dataclass(frozen=True, slots=True)
class Product:
    """What is added to one matrix: the product of two."""

    a: Floats
    """rank × columns."""
    b: Floats
    """rows × rank, with the scale in it."""


@dataclass(frozen=True, slots=True)
class Maker:
    """How the weights of one matrix are changed."""

    ggml: Ggml
    kind: Kind
    """What they are."""
    into: Kind
    """What they become."""
    columns: int
    name: str
    """Of the tensor; each has chances of its own."""
    seed: int = 1
    importance: Floats | None = None
    """columns."""
    nearest: bool = False
    """Whether all sums are rounded to the nearest."""

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
        with np.errstate(over="ignore", invalid="ignore"):
            added = multiplied(b, product.a)
            wanted = weights + added
            _check(wanted, self.into)
        if same and not self.nearest:
            self._round(wanted, raw, weights, added, rows.start)
        made = self.ggml.from_floats(self.into, wanted, self.importance)
        if not self.ggml.valid(self.into, made):
            raise NotFiniteError(f"weights too large for {self.into.name}")
        if same:
            width = self.kind.row(self.columns)
            made.reshape(-1, width)[~moved] = raw.reshape(-1, width)[~moved]
        return made

    def _round(
        self, wanted: Floats, raw: Bytes, weights: Floats, added: Floats, start: int
    ) -> None:
        """Round sums to steps by chance, in place, in rows that little is added to."""
        apart = steps(self.kind.number, raw, weights, added)
        if apart is None:
            return
        small = np.linalg.norm(added, axis=1) < LARGE * np.linalg.norm(apart, axis=1)
        if not small.any():
            return
        key = self.seed << 32 | zlib.crc32(self.name.encode())
        # Eight numbers a count, so that each row has its own, whatever block it is read in.
        chance = np.random.Philox(key=key, counter=start * self.columns // 8)
        drawn = np.random.Generator(chance).random(added.shape, np.float32)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            moves = np.floor(added / apart + drawn)
            # Zeros of bfloat16 have steps that are next to nothing; a group of zeros has none.
            large = np.abs(added) >= _MANY * apart
            rounded = np.where(large, wanted, weights + moves * apart)
        wanted[small] = rounded[small]


def _check(weights: Floats, into: Kind) -> None:
    if not np.isfinite(weights).all():
        raise NotFiniteError("weights that are no finite numbers")
    if into.number == F16 and float(np.abs(weights).max(initial=0)) > MOST_F16:
        raise NotFiniteError("weights too large for f16")
