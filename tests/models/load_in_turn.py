"""Loads the models named on the command line one after the other, as the model's process does.

Says before each that it begins, and after it how it went; a model may be this process's end.
"""

import os
import resource
import sys

from storytui.engine.api import EngineError
from storytui.engine.llama import LlamaModel
from storytui.engine.messages import ModelConfig

MOST_MEMORY = 4 << 30


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # What native code prints must not be taken for an answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for path in sys.argv[1:]:
        print("begins", file=answers, flush=True)
        try:
            model = LlamaModel(ModelConfig(path=path, context=64, threads=1), lambda _part: None)
            model.evaluate(model.vocabulary.tokenize("the lamp"), 0)
        except EngineError:
            print("refused", file=answers, flush=True)
        else:
            print("loaded", file=answers, flush=True)


if __name__ == "__main__":
    main()
