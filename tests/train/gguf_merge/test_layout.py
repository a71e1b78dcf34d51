"""Headers that are written are read again, by gguf-py and by the editor."""

from pathlib import Path

import gguf
from hypothesis import given, settings
from hypothesis import strategies as st

from storytui.models.gguf_layout import TENSOR_TYPES
from storytui.models.gguf_reading import Listing, read_contents
from storytui_train.gguf import layout

TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
VALUES = st.one_of(
    TEXTS,
    st.booleans(),
    st.integers(0, 2**32 - 1),
    st.floats(width=32, allow_nan=False, allow_infinity=False),
    st.lists(TEXTS, max_size=4),
)
KEYS = st.text("abcdefgh._", min_size=1, max_size=12)
TENSORS = st.dictionaries(
    KEYS, st.tuples(st.sampled_from([0, 1, 2, 8, 12, 14]), st.integers(1, 3), st.integers(1, 5))
)


@settings(max_examples=60, deadline=None)
@given(
    entries=st.dictionaries(KEYS, VALUES, max_size=6),
    tensors=TENSORS,
    alignment=st.sampled_from([1, 32, 64, 4096]),
)
def test_the_editor_reads_what_is_written(
    entries: dict[str, object], tensors: dict[str, tuple[int, int, int]], alignment: int
) -> None:
    shapes = {
        name: (TENSOR_TYPES[kind][0] * blocks, rows)
        for name, (kind, blocks, rows) in tensors.items()
    }
    file = layout.arranged(
        [layout.pair(key, value) for key, value in entries.items()],  # type: ignore[arg-type]
        [(name, shape, tensors[name][0]) for name, shape in shapes.items()],
        version=3,
        alignment=alignment,
    )

    contents = read_contents(memoryview(file.head), max(file.size, len(file.head)))

    assert len(file.head) % alignment == 0
    assert {each.name: each.shape for each in contents.tensors} == shapes
    end = 0
    for tensor in contents.tensors:
        assert tensor.offset % alignment == 0
        assert tensor.offset >= end
        end = tensor.offset + tensor.size
    assert len(file.head) + end <= file.size
    for key, value in entries.items():
        found = contents.values[key]
        if isinstance(value, list):
            assert isinstance(found, Listing)
            assert [each.decode() for each in contents.raw_strings(key)] == value
        else:
            assert found == value
        begin, finish = contents.spans[key]
        assert file.head[begin:finish] == layout.pair(key, value)  # type: ignore[arg-type]


def test_gguf_py_reads_what_is_written(tmp_path: Path) -> None:
    file = layout.arranged(
        [
            layout.pair("general.architecture", "llama"),
            layout.pair("number", 7),
            layout.pair("share", 0.5),
            layout.pair("texts", ["a", "é"]),
            *layout.division_pairs(1, 3, 9).values(),
        ],
        [("one", (32, 2), 2), ("two", (3,), 0)],
        version=3,
        alignment=32,
    )
    path = tmp_path / "made.gguf"
    path.write_bytes(file.head + bytes(file.size - len(file.head)))

    reader = gguf.GGUFReader(path)

    said = {name: field.contents() for name, field in reader.fields.items()}
    assert said["texts"] == ["a", "é"]
    assert (said["number"], said["share"]) == (7, 0.5)
    assert said["split.no"] == 1
    assert reader.fields["split.no"].types == [gguf.GGUFValueType.UINT16]
    assert reader.fields["split.tensors.count"].types == [gguf.GGUFValueType.INT32]
    assert [each.name for each in reader.tensors] == ["one", "two"]
    assert [each.data_offset for each in reader.tensors] == [len(file.head), len(file.head) + 64]
