"""One question to the model's process, and the answer to it."""

from collections.abc import Callable
from typing import TypeVar

from storytui.engine.child import Child
from storytui.engine.messages import Adapt, Adapted, Count, Counted, Render, Rendered

_Answer = TypeVar("_Answer", Counted, Rendered, Adapted)


def ask(
    child: Child,
    question: Count | Render | Adapt,
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
