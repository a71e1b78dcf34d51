"""Tokenizers to make rows with: the small model's own, and one whose tokens can be read by eye."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from byte_model import END, ByteVocabulary

from storytui.engine.process import ProcessEngine
from storytui.engine.scores import Encoded
from storytui.engine.template import Frame
from storytui.engine.tokens import SplitFrame, TokenCounts, encode_reply
from storytui.models.starter import starter_model
from storytui_train.data.teacher.engines import open_vocabulary


@contextmanager
def small_models() -> Iterator[ProcessEngine]:
    """The small model's, by the engine."""
    path = starter_model()
    assert path is not None
    engine = open_vocabulary(path)
    try:
        yield engine
    finally:
        engine.close()


class ByteTokenizer:
    """The engine's functions over bytes and a few longer tokens."""

    def __init__(self, frame: Frame | None = None) -> None:
        self.vocabulary = ByteVocabulary()
        self._frame = SplitFrame(frame or Frame("<|turn|>", "<|turn|>"), self.vocabulary)
        self._counts = TokenCounts(self.vocabulary)
        self.encoded = 0
        """How often it was asked for a row."""

    def encode(self, message: str, *pieces: str) -> Encoded:
        self.encoded += 1
        return encode_reply(self._frame, message, pieces, self.vocabulary)

    def count(self, texts: Sequence[str]) -> list[int]:
        return self._counts.count(texts)

    def read(self, tokens: Sequence[int]) -> str:
        """What tokens stand for; the end is told by a mark."""
        marks = b"".join(b"|END" if n == END else self.vocabulary.pieces[n] for n in tokens)
        return marks.decode()
