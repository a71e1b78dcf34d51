"""Look at a model's continuations of a book: whole, at a sentence's end, copied, repeated, long.

    python benchmarks/continuations.py BOOK [--model PATH] [--seeds 20] [--words 40 120 300]

Prints one JSON object. `copied` is the share of an answer's 8-grams of words that stand in the
window, `repeated` the share that stands earlier in the answer itself.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

from storytui.continuing import Options, plan
from storytui.engine.api import Event, Finished, Reading, Retracted, Sampling, Text
from storytui.engine.messages import ModelConfig
from storytui.engine.process import ProcessEngine
from storytui.models.starter import starter_model
from storytui.story.sentences import ends_sentence
from storytui.story.words import count_words

PLACES = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Shares of the book at whose next paragraph's end it is continued."""


def places(text: str, count: int) -> Iterator[int]:
    """Offsets at paragraphs' ends, spread over the book, no two the same."""
    for number in range(count):
        share = PLACES[number % len(PLACES)] + 0.01 * (number // len(PLACES))
        yield text.index("\n\n", int(len(text) * share))


def grams(text: str, length: int = 8) -> list[tuple[str, ...]]:
    words = text.lower().split()
    return [tuple(words[n : n + length]) for n in range(len(words) - length + 1)]


def collect(events: Iterator[Event]) -> tuple[dict[str, str], Finished]:
    texts = {"reasoning": "", "answer": ""}
    for event in events:
        if isinstance(event, Text):
            texts[event.segment] += event.text
        elif isinstance(event, Retracted):
            texts[event.segment] = texts[event.segment][: event.kept]
        elif isinstance(event, Finished):
            return texts, event
        elif isinstance(event, Reading) and event.done == event.total:
            print(".", end="", file=sys.stderr, flush=True)
    raise AssertionError("a generation ends with Finished")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("book", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--context", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--words", type=int, nargs="+", default=[40, 120, 300])
    parser.add_argument("--reasoning-tokens", type=int, default=128)
    arguments = parser.parse_args()
    text = arguments.book.read_text("utf-8-sig").replace("\r\n", "\n")
    model = arguments.model or starter_model()
    engine = ProcessEngine(
        ModelConfig(path=str(model), context=arguments.context, threads=arguments.threads)
    )
    rows = []
    for words in arguments.words:
        for seed, offset in enumerate(places(text, arguments.seeds), start=1):
            options = Options(
                words=words,
                reasoning_tokens=arguments.reasoning_tokens,
                sampling=Sampling(seed=seed),
            )
            planned = plan(engine, text, offset, options)
            texts, last = collect(engine.generate(planned.request))
            answer = texts["answer"]
            window = set(grams(planned.window.text))
            own = grams(answer)
            seen: set[tuple[str, ...]] = set()
            repeated = 0
            for gram in own:
                repeated += gram in seen
                seen.add(gram)
            rows.append(
                {
                    "words_asked": words,
                    "words": count_words(answer),
                    "seed": seed,
                    "offset": offset,
                    "stop": last.stop,
                    "both": bool(texts["reasoning"].strip() and answer.strip()),
                    "at_sentence": ends_sentence(answer),
                    "grams": len(own),
                    "copied": sum(gram in window for gram in own),
                    "repeated": repeated,
                    "reasoning": texts["reasoning"],
                    "answer": answer,
                }
            )
    engine.close()
    summary = []
    for words in arguments.words:
        mine = [row for row in rows if row["words_asked"] == words]
        total = sum(row["grams"] for row in mine) or 1
        summary.append(
            {
                "words_asked": words,
                "median_words": statistics.median(row["words"] for row in mine),
                "both_segments": f"{sum(row['both'] for row in mine)}/{len(mine)}",
                "at_sentence": f"{sum(row['at_sentence'] for row in mine)}/{len(mine)}",
                "copied": round(sum(row["copied"] for row in mine) / total, 4),
                "repeated": round(sum(row["repeated"] for row in mine) / total, 4),
            }
        )
    json.dump({"summary": summary, "rows": rows}, sys.stdout, ensure_ascii=False, indent=1)
    print()


if __name__ == "__main__":
    main()
