"""Models that play back scripts, and rows for them to be measured on."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from example_rows import SOURCE, row
from msgspec import structs

from storytui.engine.api import Engine, Event, Request
from storytui.engine.scores import Passage, Scored
from storytui.engine.scripted import SCRIPTED_MODEL, Script, ScriptedEngine, segment
from storytui_train.data.examples import Row
from storytui_train.evaluate.contestants import Contestant

PLAN = "She waits until it rings again. Then she will go and see who it is that calls."
ANSWER = "\n\n“Then I will go,” she said. The door was cold under her hand, and it gave."
FREE = f"<reasoning>{PLAN}</reasoning><answer>{ANSWER}</answer>"


def rows(count: int, books: int = 3) -> list[Row]:
    """Rows of several books, each with a text of its own."""
    return [
        structs.replace(
            row(number),
            source=structs.replace(
                SOURCE, id=f"book-{number % books}", title=f"Book {number % books}"
            ),
            context=f"Night {number} came.\n\nAnna sat by the door and listened.",
            continuation=f"\n\nThe bell rang {number} times. “Who is there?” she said, and rose.",
            split="test",
        )
        for number in range(count)
    ]


def contestant(name: str, *, trained: bool = True, format: str = "storytui-1") -> Contestant:
    """A model whose file is never looked at."""
    return Contestant(name, Path(f"{name}.gguf"), (), f"sha-{name}", format, trained)


class Model(ScriptedEngine):
    """Plays takes and free replies, and finds every character as likely."""

    def __init__(
        self,
        *,
        answer: str = ANSWER,
        plan: str = PLAN,
        free: str = FREE,
        ended: bool = True,
        bits: float = 1.0,
        bits_plain: float | None = None,
        before: Callable[[], None] = lambda: None,
        context: int = 4096,
    ) -> None:
        """What it writes, and how many bits a character costs it."""
        super().__init__([()], info=structs.replace(SCRIPTED_MODEL, context=context))
        self.take: Script = (*segment("reasoning", plan), *segment("answer", answer))
        self.free: Script = segment("reply", free, step=40, why="closed" if ended else "length")
        self.bits = bits
        self.bits_plain = bits if bits_plain is None else bits_plain
        self.before = before

    def generate(self, request: Request) -> Iterator[Event]:
        self.before()
        self._scripts = [self.take if len(request.segments) > 1 else self.free]
        return super().generate(request)

    def score(self, passages: Sequence[Passage]) -> Iterator[Scored]:
        self.before()
        for each in passages:
            self.scored.append(each)
            bits = self.bits_plain if each.bare else self.bits
            starts = tuple(range(0, len(each.text), 4))
            sizes = [min(4, len(each.text) - at) for at in starts]
            logprobs = tuple(-0.6931471805599453 * bits * size for size in sizes)
            yield Scored(tokens=tuple(range(len(starts))), logprobs=logprobs, starts=starts)


class Opened:
    """Opens models by name, and knows which it opened."""

    def __init__(self, **models: Model) -> None:
        self.models = models
        self.opened: list[str] = []

    def __call__(self, contestant: Contestant, context: int) -> Engine:
        self.opened.append(contestant.name)
        model = self.models[contestant.name]
        model.closed = False
        return model
