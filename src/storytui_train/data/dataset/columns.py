"""Parquet files of examples: every field of a row, and its messages, as `datasets` reads them.

The same rows give the same bytes: the compression and the sizes of row groups are fixed, and
nothing in the files says when they were made.
"""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from storytui_train.data.dataset.rendering import Rendered
from storytui_train.data.examples import Row

GROUP = 500
"""Rows that are written at once."""


def features() -> Any:
    """The columns, as `datasets.Features`."""
    from datasets import Features, List, Value

    text, whole, number, flag = (
        *(Value("string"), Value("int64")),
        *(Value("float64"), Value("bool")),
    )
    message = List({"role": text, "content": text})
    return Features(
        {
            "id": text,
            "prompt": message,
            "completion": message,
            "messages": message,
            "source": {
                **dict.fromkeys(("id", "kind", "file", "url", "sha256", "encoding"), text),
                "gutenberg_id": whole,
                **dict.fromkeys(("title", "author"), text),
                "authors": List(text),
                **dict.fromkeys(("birth", "death"), whole),
                **dict.fromkeys(("language", "licence"), text),
                "private": flag,
                "subjects": List(text),
                "published": whole,
            },
            **{"chapter": text, "chapter_number": whole, "span": List(whole)},
            "edits": List({"start": whole, "end": whole, "text": text}),
            **dict.fromkeys(("context", "continuation", "after"), text),
            "sentences": List(whole),
            **dict.fromkeys(("starts", "cut", "why", "split", "reasoning", "guidance"), text),
            "words": whole,
            "teacher": {
                **dict.fromkeys(("model", "prompt"), text),
                **dict.fromkeys(("prompt_tokens", "completion_tokens"), whole),
                "cost": number,
                "requests": whole,
            },
            "scores": List({"name": text, "value": number}),
        }
    )


def record(row: Row, rendered: Rendered) -> dict[str, Any]:
    """A row as one record of the file.

    Args:
        row: the example.
        rendered: its messages.
    """
    messages = [msgspec.structs.asdict(each) for each in rendered.messages]
    fields: dict[str, Any] = msgspec.structs.asdict(row)
    source, teacher = row.source, row.teacher
    return {
        **fields,
        "prompt": messages[:1],
        "completion": messages[1:],
        "messages": messages,
        "source": {
            **msgspec.structs.asdict(source),
            "authors": list(source.authors),
            "subjects": list(source.subjects),
        },
        "span": list(row.span),
        "edits": [edit._asdict() for edit in row.edits],
        "sentences": list(row.sentences),
        "teacher": msgspec.structs.asdict(teacher) if teacher else None,
        "scores": [{"name": key, "value": row.scores[key]} for key in sorted(row.scores)],
    }


class ParquetFile:
    """A file that is being written; `with` closes it."""

    def __init__(self, path: Path, columns: Any) -> None:
        """Begin one.

        Args:
            path: of the file.
            columns: `features()`; made once for all files.
        """
        import pyarrow.parquet as parquet

        self._schema = columns.arrow_schema
        self._writer = parquet.ParquetWriter(
            path, self._schema, compression="zstd", compression_level=3, version="2.6"
        )
        self._waiting: list[dict[str, Any]] = []

    def __enter__(self) -> "ParquetFile":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self._write(self._waiting)
        self._writer.close()

    def add(self, row: Row, rendered: Rendered) -> None:
        """Write a row, now or with others."""
        self._waiting.append(record(row, rendered))
        if len(self._waiting) >= GROUP:
            self._write(self._waiting)
            self._waiting = []

    def _write(self, records: Sequence[dict[str, Any]]) -> None:
        import pyarrow

        if records:
            table = pyarrow.Table.from_pylist(list(records), schema=self._schema)
            self._writer.write_table(table, row_group_size=GROUP)
