"""Where sentences and paragraphs begin and end."""


def paragraph_spans(text: str) -> list[tuple[int, int]]:
    """Character spans of the paragraphs of `text`, without the separators."""
    raise NotImplementedError


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Character spans of the sentences of `text`; they tile everything that is not white."""
    raise NotImplementedError


def ends_sentence(text: str) -> bool:
    """Whether `text` ends with a finished sentence, outside an open double quotation."""
    raise NotImplementedError


def last_sentence_end(text: str, minimum: int = 0) -> int | None:
    """The offset just after the last sentence that ends in `text` at or after `minimum`."""
    raise NotImplementedError
