"""A child that does one thing wrong, and whose successors do nothing wrong.

    python once_faulty_child.py ORDER

ORDER is a file with a moment and a fault, as `faulty_child` knows them; the child that reads it
takes it away.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "engine"))

from faulty_child import FaultyChild

if __name__ == "__main__":
    order = Path(sys.argv[1])
    moment, fault = "-1", ""
    if order.exists():
        moment, fault = order.read_text(encoding="ascii").split()
        order.unlink()
    FaultyChild(int(moment), fault).play()
