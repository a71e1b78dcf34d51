"""Prompt formats: how the user message reads, and which segments the reply consists of.

One definition of each format: what is served and what is trained are rendered by the same
function. A format's name carries its version; once a model was published with it, its text
never changes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Slot = Literal["notes", "context", "later", "direction", "length"]
"""What a part of the user message is filled with."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a reply: a literal opening tag, free text, a literal closing tag."""

    name: str
    """`reasoning` or `answer`."""
    opening: str
    closing: str


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the user message: its own text round what it is filled with, if anything."""

    before: str
    slot: Slot | None = None
    after: str = ""
    optional: bool = False
    """Whether it is left out where there is nothing to fill it with."""
    one_line: bool = False
    """Whether what it is filled with becomes one line."""
    fixed: bool = False
    """Whether a change in it has all that follows read anew."""


@dataclass(frozen=True, slots=True)
class Message:
    """A rendered user message."""

    text: str
    fixed: int
    """Characters at its beginning in which any change has what follows read anew."""
    story: int
    """The character at which the context begins."""


@dataclass(frozen=True, slots=True)
class PromptFormat:
    """How a user message is rendered and what the reply to it consists of."""

    name: str
    parts: tuple[Part, ...]
    """In their order, which is from fixed to volatile; a blank line stands between them."""
    segments: tuple[Segment, ...]
    verbatim: bool = False
    """Whether the answer is exactly what follows the context's last character, white space
    included. The context is not stripped then."""

    @property
    def takes_notes(self) -> bool:
        """Whether there is a place for standing notes: style, people, what happened before."""
        return self._has("notes")

    @property
    def takes_later(self) -> bool:
        """Whether there is a place for what follows the cursor."""
        return self._has("later")

    @property
    def takes_direction(self) -> bool:
        """Whether there is a place for what the writer wants to come next."""
        return self._has("direction")

    @property
    def takes_length(self) -> bool:
        """Whether there is a place for the length of the answer."""
        return self._has("length")

    def render(
        self, context: str, *, notes: str = "", later: str = "", direction: str = "", words: int = 0
    ) -> Message:
        """Render the one user message of the prompt.

        Args:
            context: the manuscript up to the cursor, as the model is to see it.
            notes: the writer's standing notes.
            later: what follows the cursor.
            direction: what is to come next.
            words: the length of the answer; 0 leaves it out.

        Raises:
            ValueError: something was given that the format has no place for.
        """
        length = str(words) if words else ""
        given: dict[Slot, str] = {
            "notes": notes.strip(),
            "later": later.strip(),
            "direction": direction,
            "length": length,
        }
        for slot, value in given.items():
            if value and not self._has(slot):
                raise ValueError(f"the prompt format {self.name} takes no {slot}")
        given["context"] = context
        text = ""
        fixed = story = -1
        for part in self.parts:
            value = given[part.slot] if part.slot else ""
            if part.one_line:
                value = " ".join(value.split())
            if part.optional and not value:
                continue
            if text:
                text += "\n\n"
            text += part.before
            if part.slot and not part.fixed and fixed < 0:
                fixed = len(text)
            if part.slot == "context":
                story = len(text)
            text += value + part.after
        return Message(text, fixed, story)

    def _has(self, slot: Slot) -> bool:
        return any(each.slot == slot for each in self.parts)


class UnknownFormatError(ValueError):
    """No prompt format has this name."""


REASONING = Segment("reasoning", "<reasoning>", "</reasoning>")
ANSWER = Segment("answer", "<answer>", "</answer>")

_CONTEXT = Part("### Context:\n", "context")

# The texts are those of molbal/CRA-v1-7B, -32B and CRA-v1-Guided-7B, character for character:
# the apostrophe is U+2019, and the guided Task has hard line breaks, the first after a space.
_CRA_V1 = PromptFormat(
    name="cra-v1",
    parts=(
        Part("### System: You are a writer\u2019s assistant."),
        Part(
            "### Task: Understand how the story flows, what motivations the characters have and "
            "how they will interact with each other and the world as a step by step thought "
            "process before continuing the story."
        ),
        _CONTEXT,
    ),
    segments=(REASONING, ANSWER),
)

_CRA_V1_GUIDED = PromptFormat(
    name="cra-v1-guided",
    parts=(
        Part(
            "### Task: Understand how the story flows, what motivations the characters have and "
            "how \n"
            "they will interact with each other and the world as a step by step thought process "
            "before continuing the story. Keep\n"
            "the guidance in mind when writing the story."
        ),
        Part("### Guidance: ", "direction", fixed=True),
        _CONTEXT,
    ),
    segments=(REASONING, ANSWER),
)

_STORYTUI_1 = PromptFormat(
    name="storytui-1",
    parts=(
        Part(
            "### Task: Continue the story from the very end of the context. First think, step by "
            "step, about where the story stands, what each person wants and what must happen "
            "next; then write it."
        ),
        Part("### Notes:\n", "notes", optional=True),
        _CONTEXT,
        Part("### Later:\n", "later", optional=True),
        Part("### Direction: ", "direction", optional=True, one_line=True),
        Part("### Length: about ", "length", " words", optional=True),
    ),
    segments=(REASONING, ANSWER),
    verbatim=True,
)

FORMATS: Mapping[str, PromptFormat] = MappingProxyType(
    {each.name: each for each in (_CRA_V1, _CRA_V1_GUIDED, _STORYTUI_1)}
)
"""The known prompt formats by name."""

DEFAULT_FORMAT = _CRA_V1.name
AUTO = "auto"
"""In place of a format's name: the one that the model was trained on."""


def prompt_format(name: str) -> PromptFormat:
    """Look a prompt format up by its name.

    Raises:
        UnknownFormatError: there is none of that name; the message lists those there are.
    """
    try:
        return FORMATS[name]
    except KeyError:
        known = ", ".join(FORMATS)
        raise UnknownFormatError(
            f"no prompt format is called {name!r}; there are: {known}"
        ) from None
