"""How long the stages from sources to rows take, beside pysbd alone on the same text.

    python benchmarks/preparing.py BOOKS [--many 10,50,200] [--rounds 3]

BOOKS is a folder of plain text books. Every figure comes from a fresh process; ratios are of times
taken in the same run. With `--many`, the books are repeated under other names.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PYSBD = """
import json, sys, time
from pathlib import Path
import msgspec, pysbd
from storytui_train.data.documents import Document
segmenter = pysbd.Segmenter(language="en", clean=False)
decoder = msgspec.json.Decoder(Document)
took = words = 0.0
for part in sorted(Path(sys.argv[1]).glob("*.jsonl")):
    for line in part.read_bytes().splitlines():
        text = decoder.decode(line).cleaned.text
        paragraphs = [" ".join(each.split()) for each in text.split("\\n\\n")]
        began = time.perf_counter()
        for each in paragraphs:
            segmenter.segment(each)
        took += time.perf_counter() - began
        words += len(text.split())
print(json.dumps({"seconds": took, "words": words}))
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("books", type=Path)
    parser.add_argument("--many", default="", help="numbers of books, such as 10,50,200")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dropped", action="store_true", help="only with duplicates dropped")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.rounds:
            against_pysbd(options.books, Path(folder), options.rounds)
        for number in filter(None, options.many.split(",")):
            repeated(options.books, Path(folder), int(number), only_dropped=options.dropped)


def against_pysbd(books: Path, folder: Path, rounds: int) -> None:
    """One process against pysbd, and two processes against one."""
    ratios, doubled = [], []
    for _ in range(rounds):
        one, _memory = prepare(books, folder / "one", workers=1)
        chosen = folder / "one" / "work" / "choose" / "parts"
        alone = json.loads(run([sys.executable, "-c", PYSBD, str(chosen)])[1])
        two, _memory = prepare(books, folder / "two", workers=2)
        ratios.append(one / alone["seconds"])
        doubled.append(one / two)
        print(
            f"pysbd {alone['seconds']:.1f} s for {alone['words']:,.0f} words, stages 1-5 "
            f"{one:.1f} s ({ratios[-1]:.2f} x), two processes {two:.1f} s ({doubled[-1]:.2f} x)",
            flush=True,
        )
    print(
        f"median: {statistics.median(ratios):.2f} x pysbd; two processes "
        f"{statistics.median(doubled):.2f} x one"
    )


def repeated(books: Path, folder: Path, number: int, *, only_dropped: bool) -> None:
    """So many books: time and memory, without and with the search for duplicates."""
    shelf = folder / f"shelf-{number}"
    shelf.mkdir()
    files = sorted(books.glob("*.txt"))
    for index in range(number):
        source = files[index % len(files)]
        # Copies of the same bytes are left out before anything is read: these differ at their end.
        copied = source.read_bytes() + b"\n" * (index // len(files))
        (shelf / f"{index:04d}-{source.stem}.txt").write_bytes(copied)
    for duplicates in (False,) if only_dropped else (True, False):
        before = processor()
        seconds, memory = prepare(shelf, folder / "many", workers=1, keep=duplicates)
        used = processor() - before
        print(
            f"{number} books, duplicates {'kept' if duplicates else 'dropped'}: {seconds:.1f} s, "
            f"{seconds / number:.2f} s a book ({used / number:.2f} s of processor time), "
            f"at most {memory / 1024:.0f} MiB in one process",
            flush=True,
        )


def prepare(books: Path, out: Path, *, workers: int, keep: bool = False) -> tuple[float, int]:
    """Seconds of a whole run in a new folder, and the largest process's memory in KiB."""
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "storytui_train.cli", "prepare", str(books)]
    command += ["--out", str(out), "--workers", str(workers)]
    catalog = books / "catalog.tsv"
    if catalog.exists():
        command += ["--catalog", str(catalog)]
    if keep:
        command.append("--keep-duplicates")
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    seconds, _ = run(command)
    after = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return seconds, max(before, after)


def processor() -> float:
    """Processor time of all processes that were started and have ended, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(command: list[str]) -> tuple[float, str]:
    began = time.perf_counter()
    done = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=dict(os.environ)
    )
    return time.perf_counter() - began, done.stdout.decode()


if __name__ == "__main__":
    main()
