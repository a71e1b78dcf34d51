"""On how many rows a tokenizer rebuilt from a GGUF differs from llama.cpp's, which we use.

    pip install transformers torch gguf
    python benchmarks/token_differences.py ROWS MODEL.gguf [--rows 1000]

ROWS is a file of rows. Both tokenise contexts with continuations as plain text, without special
tokens.
"""

import argparse
import json
from itertools import islice
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("rows", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--rows", dest="number", type=int, default=1000)
    options = parser.parse_args()
    from transformers import AutoTokenizer

    from storytui.engine.messages import ModelConfig
    from storytui.engine.process import ProcessEngine

    folder, name = str(options.model.parent), options.model.name
    rebuilt = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    engine = ProcessEngine(ModelConfig(path=str(options.model), context=512))
    seen = differing = tokens = 0
    example = ""
    with options.rows.open(encoding="utf-8") as lines:
        for line in islice(lines, options.number):
            row = json.loads(line)
            text = "a" + row["context"] + row["continuation"]
            # The reply alone: what the message's tokens are does not matter here.
            encoded = engine.encode("", text)
            ours = list(encoded.tokens)
            theirs = rebuilt.encode(text, add_special_tokens=False)
            ours = ours[len(ours) - len(theirs) :] if ours[-len(theirs) :] == theirs else ours
            seen += 1
            tokens += len(theirs)
            if ours != theirs:
                differing += 1
                example = example or text[:80]
    engine.close()
    print(f"{differing} of {seen} rows differ ({tokens} tokens), the first: {example!r}")


if __name__ == "__main__":
    main()
