"""Thousands of broken models made from one whole one; each says what was done to it."""

import random
import struct
from collections.abc import Iterator
from dataclasses import replace

import tiny_gguf as tiny
from tiny_gguf import Pair, Weights, listing, scalar, text

Broken = tuple[str, bytes]

HUGE = (0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1)
ODD_NAMES = (
    b"",
    b"\xff\xfe\xfd",
    b"\xc3",
    b"a\0b",
    b"a\x1b[2Jb",
    b"\xed\xa0\x80",
    b"\xe2\x80\xaeb",
)
TYPES_TAKEN_BACK = (4, 5, 31, 32, 33, 36, 37, 38)


def truncated(whole: tiny.File) -> Iterator[Broken]:
    """Cut off before, in and behind each field of the header, and within the weights."""
    for at, length, what in whole.fields:
        for cut in {at, at + 1, at + length // 2, at + length - 1}:
            if cut < len(whole.data):
                yield f"cut at {cut}, {what}", bytes(whole.data[:cut])
    for part in range(16):
        cut = whole.header + (len(whole.data) - whole.header) * part // 16
        yield f"cut at {cut}, weights", bytes(whole.data[:cut])


def huge_numbers(whole: tiny.File) -> Iterator[Broken]:
    """Each count, length, dimension, offset and type replaced by numbers that cannot be."""
    for at, length, what in whole.fields:
        if what.startswith(("length", "count", "dimension", "type", "offset", "element type")):
            for number in HUGE:
                if number < 1 << 8 * length:
                    data = bytearray(whole.data)
                    data[at : at + length] = number.to_bytes(length, "little")
                    yield f"{number:#x} for {what}", bytes(data)


def off_by_little(whole: tiny.File) -> Iterator[Broken]:
    """The same fields one off, and nothing."""
    for at, length, what in whole.fields:
        if what.startswith(("length", "count", "dimension", "type", "offset", "element type")):
            now = int.from_bytes(whole.data[at : at + length], "little")
            for number in {0, now - 1, now + 1} - {now, -1}:
                data = bytearray(whole.data)
                data[at : at + length] = number.to_bytes(length, "little")
                yield f"{number} for {now}, {what}", bytes(data)


def flipped(whole: tiny.File, count: int, seed: int) -> Iterator[Broken]:
    """Single bits of the header turned round."""
    dice = random.Random(seed)
    for _ in range(count):
        at, bit = dice.randrange(whole.header), dice.randrange(8)
        data = bytearray(whole.data)
        data[at] ^= 1 << bit
        yield f"bit {bit} of byte {at}", bytes(data)


def scrambled(whole: tiny.File, count: int, seed: int) -> Iterator[Broken]:
    """Stretches of the header overwritten, cut out or doubled."""
    dice = random.Random(seed)
    for _ in range(count):
        at, length = dice.randrange(whole.header), dice.randint(1, 32)
        how = dice.randrange(3)
        middle = (dice.randbytes(length), b"", bytes(whole.data[at : at + length]) * 2)[how]
        data = bytes(whole.data[:at]) + middle + bytes(whole.data[at + length :])
        yield f"{length} bytes at {at} {('overwritten', 'cut out', 'doubled')[how]}", data


def odd_tensors() -> Iterator[Broken]:
    """Tensors that overlap, stand askew, repeat, or have shapes and types that cannot be."""
    pairs, tensors = tiny.llama_pairs(), tiny.llama_tensors()

    def with_tensor(place: int, what: str, **changes: object) -> Broken:
        changed = [*tensors]
        changed[place] = replace(changed[place], **changes)  # type: ignore[arg-type]
        return f"tensor {place} {what}", bytes(tiny.write(pairs, changed).data)

    for place, tensor in enumerate(tensors):
        for offset in (0, 32, 64) if place else (64, 32 * 200):
            yield with_tensor(place, f"over others at {offset}", offset=offset)
        for offset in (1, 31, 33, 1_000_001):
            yield with_tensor(place, f"askew at {offset}", offset=offset)
        for offset in (1 << 32, 1 << 62, (1 << 64) - 32):
            yield with_tensor(place, f"outside at {offset}", offset=offset)
        for kind in (*TYPES_TAKEN_BACK, 43, 99, 0xFFFF_FFFF):
            yield with_tensor(place, f"of type {kind}", kind=kind)
        for shape in ((0,), (0, 4), (1 << 62, 4), (1 << 32, 1 << 32), ((1 << 64) - 1,)):
            yield with_tensor(place, f"of shape {shape}", shape=shape)
        yield with_tensor(place, "of a row that is no block", shape=(33,), kind=tiny.Q4_0)
        for dimensions in (5, 64, 0xFFFF_FFFF):
            yield with_tensor(place, f"in {dimensions} dimensions", dimensions=dimensions)
        for name in (*ODD_NAMES, b"a" * 64, b"a" * 70_000):
            yield with_tensor(place, f"called {name[:8]!r}", name=name)
        other = tensors[place - 1].name
        yield with_tensor(place, f"called {other!r} as another", name=other)
        assert tensor.offset is None
    yield "no tensors", bytes(tiny.write(pairs, []).data)


def odd_entries() -> Iterator[Broken]:
    """Entries that are missing, repeated, of wrong types, or say what cannot be."""
    pairs, tensors = tiny.llama_pairs(), tiny.llama_tensors()

    def made(what: str, changed: list[Pair], **file: int) -> Broken:
        return what, bytes(tiny.write(changed, tensors, **file).data)

    needed = (
        "architecture",
        "block_count",
        "context_length",
        "embedding_length",
        "model",
        "tokens",
    )
    for place, pair in enumerate(pairs):
        key = pair.key.decode()
        yield made(f"{key} twice", [*pairs, pair])
        if key.rpartition(".")[2] in needed:
            yield made(f"no {key}", pairs[:place] + pairs[place + 1 :])
            for other in (
                scalar(key, tiny.BOOL, 1),
                scalar(key, tiny.FLOAT32, 1.5),
                scalar(key, tiny.INT32, -1),
                listing(key, tiny.UINT32, [1, 2]),
                text(key, "\x1b]52;c;eA==\a"),
            ):
                if other.kind != pair.kind or pair.kind == tiny.STRING:
                    changed = [*pairs[:place], other, *pairs[place + 1 :]]
                    # Anything may be the name of a tokenizer; llama.cpp knows which there are.
                    if not (key.endswith("model") and other.kind == tiny.STRING):
                        yield made(f"{key} of type {other.kind}", changed)
        for name in (*ODD_NAMES, b"k" * 65_536, b"k" * 100_000):
            changed = [*pairs]
            changed[place] = replace(pair, key=name)
            yield made(f"{key} called {name[:8]!r}", changed)
        for kind in (13, 99, 0xFFFF_FFFF):
            changed = [*pairs]
            changed[place] = replace(pair, kind=kind)
            yield made(f"{key} of type {kind}", changed)
    yield from _odd_values(pairs, tensors)


def _odd_values(pairs: list[Pair], tensors: list[Weights]) -> Iterator[Broken]:
    vocabulary = len(tiny.tokens())
    odd: list[Pair] = [
        *(scalar("llama.block_count", tiny.UINT32, each) for each in (0, 513, 0xFFFF_FFFF)),
        *(scalar("llama.embedding_length", tiny.UINT32, each) for each in (0, 0xFFFF_FFFF)),
        *(scalar("llama.context_length", tiny.UINT32, each) for each in (0, 0xFFFF_FFFF)),
        *(scalar("llama.attention.head_count", tiny.UINT32, each) for each in (33, 0xFFFF_FFFF)),
        scalar("llama.attention.head_count_kv", tiny.UINT32, 0xFFFF_FFFF),
        listing("llama.attention.head_count", tiny.UINT32, [2, 2]),
        listing("llama.attention.head_count", tiny.INT32, [-2]),
        scalar("llama.rope.dimension_count", tiny.UINT32, 0xFFFF_FFFF),
        scalar("llama.attention.layer_norm_rms_epsilon", tiny.FLOAT32, float("nan")),
        scalar("llama.expert_count", tiny.UINT32, 100_000),
        scalar("llama.expert_used_count", tiny.UINT32, 2),
        scalar("general.alignment", tiny.UINT32, 0),
        *(scalar("general.alignment", tiny.UINT32, each) for each in (3, 24, 33, 0xFFFF_FFFF)),
        text("general.alignment", "32"),
        text("general.type", "adapter"),
        scalar("tokenizer.ggml.bos_token_id", tiny.UINT32, vocabulary),
        scalar("tokenizer.ggml.eos_token_id", tiny.UINT32, 0xFFFF_FFF0),
        listing("tokenizer.ggml.scores", tiny.FLOAT32, [0.0]),
        listing("tokenizer.ggml.token_type", tiny.INT32, [1]),
        listing("tokenizer.ggml.token_type", tiny.UINT8, [1] * vocabulary),
        listing("tokenizer.ggml.tokens", tiny.STRING, []),
        listing("tokenizer.ggml.tokens", tiny.UINT8, [1] * vocabulary),
        listing("tokenizer.ggml.tokens", tiny.STRING, [*tiny.tokens()[:-1], "a"]),
        scalar("tokenizer.ggml.merges", tiny.UINT32, 1),
        listing("tokenizer.ggml.suppress_tokens", tiny.STRING, ["a"]),
        scalar("split.count", tiny.UINT32, 3),
        Pair(b"a.truth", tiny.BOOL, b"\2"),
        Pair(b"a.list", tiny.ARRAY, struct.pack("<IQ", 13, 1) + b"\0" * 8),
    ]
    for depth in (1, 4, 1_000, 20_000):
        nested = struct.pack("<IQ", tiny.ARRAY, 1) * depth + struct.pack("<IQB", 0, 1, 7)
        odd.append(Pair(b"a.list", tiny.ARRAY, nested))
    for pair in odd:
        changed = [each for each in pairs if each.key != pair.key]
        yield (
            f"{pair.key!r}: {pair.value[:16]!r}",
            bytes(tiny.write([*changed, pair], tensors).data),
        )
    for version in (0, 1, 4, 99, 0x0300_0000, 0xFFFF_FFFF):
        yield f"version {version}", bytes(tiny.write(pairs, tensors, version=version).data)
    for magic in (b"GGUf", b"ggml", b"PK\3\4", b"\0\0\0\0", b"FUGG"):
        yield f"magic {magic!r}", bytes(tiny.write(pairs, tensors, magic=magic).data)
