"""Questions to the model's process, and the answers to them."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from storytui.engine.answers import scores
from storytui.engine.child import Child
from storytui.engine.messages import (
    Adapt,
    Adapted,
    Count,
    Counted,
    Encode,
    EncodedAs,
    Render,
    Rendered,
    Score,
    Scores,
    Stop,
)
from storytui.engine.scores import Scored

_Answer = TypeVar("_Answer", Counted, Rendered, EncodedAs, Adapted)


def ask(
    child: Child,
    question: Count | Render | Encode | Adapt,
    kind: type[_Answer],
    fits: Callable[[_Answer], bool],
) -> _Answer:
    """Ask, and wait for the answer.

    Args:
        child: whose model is loaded.
        question: under a number of its own.
        kind: what must be answered.
        fits: whether an answer of that kind can be one.

    Raises:
        EngineError: it could not be done.
        EngineDiedError: the child ended, or was ended because it hung or answered something else.
    """
    inbox = child.open_call(question.call)
    try:
        child.send(question)
        answer = child.answer(inbox)
        if not (isinstance(answer, kind) and fits(answer)):
            child.refuse(inbox)
        return answer
    finally:
        child.close_call(question.call)


def ask_scores(child: Child, question: Score) -> Iterator[Scored]:
    """Have passages scored; their scores in order, fewer where the run was stopped.

    Raises: as `ask`.
    """
    inbox = child.open_call(question.call)
    given, over = 0, False
    try:
        child.send(question)
        while not over:
            answer = child.answer(inbox)
            if not isinstance(answer, Scores):
                child.refuse(inbox)
            for each in answer.scores:
                if given == len(question.passages) or not scores(each, question.passages[given]):
                    child.refuse(inbox)
                given += 1
                yield each
            over = answer.over
    finally:
        child.close_call(question.call)
        if not over:
            child.send(Stop(question.call))
