"""The shelf holds the takes of a place and shows one of them."""

from storytui.takes.shelf import Shelf
from storytui.takes.take import Take


def test_an_empty_shelf_shows_nothing() -> None:
    shelf = Shelf()
    assert shelf.current is shelf.open_take is shelf.previous() is shelf.next() is None
    assert shelf.number == ""


def test_a_new_take_is_numbered_and_shown() -> None:
    shelf = Shelf()
    first, second = shelf.add(Take()), shelf.add(Take())
    assert (first.number, second.number) == (1, 2)
    assert shelf.current is second
    assert shelf.number == "2/2"
    assert shelf.takes == (first, second)


def test_one_goes_between_takes_and_no_further() -> None:
    shelf = Shelf()
    first, second = shelf.add(Take()), shelf.add(Take())
    assert shelf.previous() is shelf.previous() is first
    assert shelf.number == "1/2"
    assert shelf.next() is shelf.next() is second


def test_a_take_is_open_while_something_may_be_taken() -> None:
    shelf = Shelf()
    take = shelf.add(Take())
    assert shelf.open_take is take
    take.add("answer", "He went.")
    take.state = "complete"
    assert shelf.open_take is take
    take.accept(8)
    assert shelf.open_take is None
    take.give_back()
    take.dismissed = True
    assert shelf.open_take is None
