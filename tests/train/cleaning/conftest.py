"""The books of the folder, each cleaned once."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

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


SHORTFALLS = Path(__file__).with_name("shortfalls.txt")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Expect what is known to fail to fail; that it does not is a failure, so that the list stays
    true."""
    lines = SHORTFALLS.read_text(encoding="utf-8").splitlines()
    known = {line for line in lines if line and not line.startswith("#")}
    for item in items:
        name = item.nodeid.rpartition("tests/train/cleaning/")[2]
        if name in known:
            item.add_marker(pytest.mark.xfail(reason="known shortfall", strict=True))
