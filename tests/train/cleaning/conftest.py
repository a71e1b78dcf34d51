"""The books of the folder, each cleaned once."""

from collections.abc import Callable
from functools import cache

import pytest
from book_labels import BOOKS, LABELS, Label

from storytui_train.data.clean import clean
from storytui_train.data.documents import Cleaned


@cache
def _cleaned(file: str) -> Cleaned:
    return clean(next(each for each in LABELS if each.file == file).extracted)


@pytest.fixture(scope="session")
def book() -> Callable[[Label], Cleaned]:
    if not BOOKS.is_dir():
        pytest.skip(f"the books are not in {BOOKS}")
    return lambda label: _cleaned(label.file)
