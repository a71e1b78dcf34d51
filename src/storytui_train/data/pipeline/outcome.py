"""The last stage: the dataset, written in the forms that trainers read."""

from collections.abc import Iterator, Mapping

import msgspec

from storytui_train.data.documents import Refusal
from storytui_train.data.examples import Row
from storytui_train.data.pipeline.record import sha256_of, write_atomically
from storytui_train.data.pipeline.running import Work
from storytui_train.data.pipeline.workplace import Workplace
from storytui_train.recipe import Recipe

MARKS, REPORT = "marks.jsonl", "dataset-report.json"


def marks_hash(place: Workplace, _recipe: Recipe) -> Mapping[str, str]:
    """The hash of what was marked as bad, if anything was."""
    path = place.folder / MARKS
    return {MARKS: sha256_of(path)} if path.is_file() else {}


def dataset(work: Work) -> Mapping[str, int]:
    """Write the dataset; rows that were marked as bad are left out."""
    from storytui_train.data.dataset.marks import load_marks
    from storytui_train.data.dataset.writing import write_dataset
    from storytui_train.data.pipeline.blocks import read_lines

    def rows() -> Iterator[Row]:
        for part in sorted(work.place.parts("reason").glob("*.jsonl")):
            yield from read_lines(part, Row)

    refused: list[Refusal] = []
    report = write_dataset(
        rows(),
        work.parts,
        work.recipe,
        bad=load_marks(work.place.folder / MARKS),
        refused=refused.append,
    )
    work.refused.mkdir(exist_ok=True)
    listed = b"".join(msgspec.json.encode(each) + b"\n" for each in refused)
    write_atomically(work.refused / "dataset.jsonl", listed)
    write_atomically(work.folder / REPORT, msgspec.json.format(msgspec.json.encode(report)))
    for name, troubles in report.troubles.items():
        for trouble in troubles:
            work.told(f"dataset: {name}: {trouble}")
    left = report.taken - report.rows
    return {"rows": report.rows, "left out": left} if left else {"rows": report.rows}
