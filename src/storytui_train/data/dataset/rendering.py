"""PURE. A row as the messages that train a model: the editor's own prompt, and the reply to it.

The user message is what the editor would send with the cursor between context and continuation:
rendered by `storytui.story.prompt`, with the context's end and what follows as
`storytui.story.cursor` gives them to the editor too. The reply is the format's segments, tags and
all, as the engine writes and reads them.
"""

import random
from dataclasses import dataclass

import msgspec

from storytui.story.cursor import context_end, what_follows
from storytui.story.prompt import ANSWER, REASONING, PromptFormat
from storytui.story.reply import ReplyParser
from storytui.story.words import count_words
from storytui_train.data.examples import Row
from storytui_train.recipe import DatasetOptions

LENGTH_STEP = 20
"""Words: lengths are given as the editor's keys set them, in these steps."""
MOST_WORDS = 4000
"""The longest answer that can be asked for in the editor."""


class Message(msgspec.Struct, frozen=True):
    """One message of a conversation, in the form that all trainers read."""

    role: str
    """`user` or `assistant`."""
    content: str


@dataclass(frozen=True, slots=True)
class Choice:
    """What a row's prompt says besides the context."""

    later: bool = False
    """Whether it has what follows the cursor."""
    direction: bool = False
    """Whether it has the guidance."""
    length: bool = False
    """Whether it has the length."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A row in one format."""

    user: str
    assistant: str

    @property
    def messages(self) -> tuple[Message, Message]:
        """The conversation."""
        return Message("user", self.user), Message("assistant", self.assistant)


class UnfitError(ValueError):
    """A row that cannot be rendered in a format."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        """Its short name: `no reasoning`, `no guidance`, `empty`, `tags`."""


def choose(row: Row, form: PromptFormat, options: DatasetOptions, seed: int) -> Choice:
    """What the row's prompt says, by the recipe's shares: always the same for a row and a seed.

    A share is one of the rows that have what it is of, and no share moves another one's rows. A
    format whose direction is no option always has it.

    Args:
        row: the example.
        form: the prompt's format.
        options: the shares, from 0 to 1.
        seed: the recipe's.
    """
    dice = random.Random(f"{seed}:{form.name}:{row.id}")
    later, direction, length = dice.random(), dice.random(), dice.random()
    always = any(each.slot == "direction" and not each.optional for each in form.parts)
    return Choice(
        later=form.takes_later and bool(row.after.strip()) and later < options.later,
        direction=form.takes_direction
        and (always or (bool(row.guidance.strip()) and direction < options.direction)),
        length=form.takes_length and length < options.length,
    )


def render(row: Row, form: PromptFormat, choice: Choice) -> Rendered:
    """A row as a prompt and the reply to it.

    Args:
        row: the example.
        form: the prompt's format. A verbatim one keeps the white space at the continuation's
            edges; the others have it stripped, as the editor does with their answers.
        choice: what the prompt says besides the context.

    Raises:
        UnfitError: the row lacks what the format cannot do without, or would be read back as
            something else.
    """
    return Rendered(user=prompt(row, form, choice), assistant="".join(reply_pieces(row, form)))


def prompt(row: Row, form: PromptFormat, choice: Choice) -> str:
    """The user message, as the editor sends it for the same place in the same text.

    Args:
        row: the example.
        form: the prompt's format.
        choice: what it says besides the context.

    Raises:
        UnfitError: the context is empty, or the guidance that is to be in it.
    """
    context = row.context[: context_end(row.context, len(row.context), form)]
    if not context.strip():
        raise UnfitError("empty", "It has no context.")
    if choice.direction and not row.guidance.strip():
        raise UnfitError("no guidance", f"The format {form.name} needs guidance; it has none.")
    return form.render(
        context,
        later=what_follows(row.after, 0) if choice.later else "",
        direction=row.guidance if choice.direction else "",
        words=rounded(row.words or count_words(row.continuation)) if choice.length else 0,
    ).text


def rounded(words: int) -> int:
    """A length as a writer would ask for it in the editor, in words."""
    steps = int(words / LENGTH_STEP + 0.5)
    return min(max(steps, 1) * LENGTH_STEP, MOST_WORDS)


def reply_pieces(row: Row, form: PromptFormat) -> tuple[str, ...]:
    """The reply in the pieces that the engine tokenises by themselves, as it writes one.

    Each but the last ends behind a segment's opening tag: `<reasoning>`, then
    `PLAN</reasoning><answer>`, then `TEXT</answer>`. Joined they are the reply.

    Args:
        row: the example; without a plan its reply is the answer alone.
        form: the prompt's format.

    Raises:
        UnfitError: the continuation is empty, or the reply would be read back as something else.
    """
    reasoning = row.reasoning.strip()
    answer = row.continuation if form.verbatim else row.continuation.strip()
    if not answer.strip():
        raise UnfitError("empty", "It has no continuation.")
    texts = {REASONING.name: reasoning, ANSWER.name: answer}
    # Without a plan the engine writes the answer's tag at once; so does the reply.
    segments = [each for each in form.segments if each != REASONING or reasoning]
    pieces, before = [], ""
    for each in segments:
        pieces.append(before + each.opening)
        before = texts[each.name] + each.closing
    pieces.append(before)
    parser = ReplyParser()
    parser.feed("".join(pieces))
    parser.close()
    read = parser.reply
    same = (read.reasoning.strip(), read.answer.strip()) == (reasoning, answer.strip())
    said = f"{reasoning}\n{answer}".casefold()
    # The engine ends a segment at the first closing tag, the parser not at one that is spoken.
    if not same or any(tag in said for each in segments for tag in (each.opening, each.closing)):
        raise UnfitError(
            "tags", "Its text has tags like those of a reply, or begins with a Markdown fence."
        )
    return tuple(pieces)
