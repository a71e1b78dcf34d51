"""What Hugging Face's Xet answers for a file: a recipe, and the pieces that the recipe names.

By the documentation of the protocol (huggingface.co/docs/xet: "CAS API", "Xorb format"). Each
xorb here holds some pieces of one file, none of them compressed; hashes are made up.
"""

from hashlib import sha256

CHUNK = 64 << 10
CHUNKS = 64
"""In one xorb."""
HEADER = 8
FRAMED = HEADER + CHUNK
TOKEN = "xet_forAWhile"


def token(address: str) -> dict[str, object]:
    """The answer to who asks for the right to read."""
    return {"accessToken": TOKEN, "exp": 4_000_000_000, "casUrl": address}


def recipe(name: str, size: int, begin: int, end: int, address: str) -> dict[str, object]:
    """How the bytes from `begin` to `end` of a file are put together."""
    first, last = begin // CHUNK, -(-end // CHUNK)
    terms, fetch = [], {}
    for xorb in range(first // CHUNKS, -(-last // CHUNKS)):
        low, high = max(first, xorb * CHUNKS), min(last, (xorb + 1) * CHUNKS)
        its = {"start": low - xorb * CHUNKS, "end": high - xorb * CHUNKS}
        mark = sha256(f"{name} {xorb}".encode()).hexdigest()
        unpacked = min(high * CHUNK, size) - low * CHUNK
        terms.append({"hash": mark, "unpacked_length": unpacked, "range": its})
        place = {
            "start": its["start"] * FRAMED,
            "end": its["start"] * FRAMED + unpacked + HEADER * (high - low) - 1,
        }
        fetch[mark] = [
            {"range": its, "url": f"{address}/{xorb}?Signature=secret", "url_range": place}
        ]
    return {
        "offset_into_first_range": begin - first * CHUNK,
        "terms": terms,
        "fetch_info": fetch,
    }


def xorb(data: bytes) -> bytes:
    """The bytes of a xorb, from those of the file that it holds."""
    framed = bytearray()
    for at in range(0, len(data), CHUNK):
        chunk = data[at : at + CHUNK]
        length = len(chunk).to_bytes(3, "little")
        framed += b"\0" + length + b"\0" + length + chunk
    return bytes(framed)
