"""Whether other programs hold the cores on which llama.cpp's threads wait for each other.

The threads of one evaluation meet hundreds of times in it, and spin while they wait. Where another
program runs on one of their cores, each meeting lasts until the system lets the missing thread run
again: on two busy cores two threads were ten to forty times slower than one. A thread that cannot
run uses no processor time, so the time that all of them used tells: on two cores it was 0.89 to
1.09 of what they could use with nothing else running, and 0.51 to 0.76 beside one busy program.
Pure: seconds in, a verdict out.
"""

CROWDED = 0.82
"""Share of the processor time that the threads could have used, below which others hold a core."""
LONG = 0.2
"""Seconds from which on one evaluation tells enough; of shorter ones it takes two in a row."""
AGAIN = 50
"""Evaluations with fewer threads until all of them are tried again."""


class Pace:
    """Whether fewer threads would be quicker, by how much of their time the threads can run."""

    def __init__(self) -> None:
        """Begin without any evaluation."""
        self.crowded = False
        """Whether to leave a core to others."""
        self._slow = 0
        self._left = 0

    def took(self, seconds: float, used: float, threads: int) -> None:
        """An evaluation took so long.

        Args:
            seconds: from its start to its end.
            used: seconds of processor time that the process used meanwhile.
            threads: how many evaluated.
        """
        if self.crowded:
            self._left -= 1
            self.crowded = self._left > 0
            return
        if used >= CROWDED * seconds * threads:
            self._slow = 0
            return
        self._slow += 1
        if self._slow > 1 or seconds >= LONG:
            self.crowded = True
            self._slow, self._left = 0, AGAIN
