"""Whether other programs hold the cores on which llama.cpp's threads wait for each other.

The threads of one evaluation meet hundreds of times in it, and spin while they wait. Where another
program runs on one of their cores, each meeting lasts until the system lets the missing thread run
again: on two busy cores two threads were ten to forty times slower than one. Pure: seconds in, a
verdict out.
"""

CROWDED = 4.0
"""Times as long as the quickest evaluation of its kind: what a busy core costs otherwise is less
than half of that."""
IN_A_ROW = 2
"""Slow evaluations in a row that count; one may be the system's."""
AGAIN = 50
"""Evaluations with fewer threads until all of them are tried again."""
FORGETS = 1.02
"""How much slower the quickest one may become with every evaluation: prompts grow."""


class Pace:
    """How long evaluations of one kind take, and whether fewer threads would be quicker."""

    def __init__(self) -> None:
        """Begin without any evaluation."""
        self.crowded = False
        """Whether to leave a core to others."""
        self._quickest = 0.0
        self._slow = 0
        self._left = 0

    def took(self, seconds: float, amount: int = 1) -> None:
        """An evaluation took so long.

        Args:
            seconds: from its start to its end.
            amount: how much was evaluated, in tokens: what is slower for more of them is no sign.
        """
        each = seconds / amount
        if self.crowded:
            self._left -= 1
            self.crowded = self._left > 0
            return
        self._slow = self._slow + 1 if 0 < self._quickest * CROWDED < each else 0
        if self._slow == 0:
            self._quickest = min(each, self._quickest * FORGETS) if self._quickest else each
        elif self._slow >= IN_A_ROW:
            self.crowded = True
            self._slow, self._left = 0, AGAIN
