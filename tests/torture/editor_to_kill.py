"""The editor as the command line opens it, with a model that answers at once; made to be killed.

    python editor_to_kill.py FILE NUMBER

Its answers are numbered from NUMBER on.
"""

import sys

from typist import answer

from storytui import cli
from storytui.commands import edit
from storytui.engine.scripted import ScriptedEngine, reply
from storytui.settings import Settings


def main() -> int:
    file, first = sys.argv[1], int(sys.argv[2])
    scripts = [reply("", answer(first + number)) for number in range(100)]

    def start_engine(_settings: Settings) -> ScriptedEngine:
        return ScriptedEngine(scripts)

    # The only thing that is not as it is for a writer.
    edit.start_engine = start_engine
    return cli.main([file])


if __name__ == "__main__":
    sys.exit(main())
