"""Prompt formats: how the user message reads, and which segments the reply consists of.

One definition of each format: what is served and what is trained are rendered by the same
function. A format's name carries its version; once a model was published with it, its text
never changes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a reply: a literal opening tag, free text, a literal closing tag."""

    name: str
    """`reasoning` or `answer`."""
    opening: str
    closing: str


@dataclass(frozen=True, slots=True)
class PromptFormat:
    """How a user message is rendered and what the reply to it consists of."""

    name: str
    before_guidance: str
    """The message up to the guidance (or, where there is none, up to the context)."""
    before_context: str | None
    """What stands between guidance and context; None where the format has no guidance."""
    segments: tuple[Segment, ...]

    @property
    def takes_guidance(self) -> bool:
        """Whether the user message has a place for what the writer wants to come next."""
        return self.before_context is not None

    def user_message(self, context: str, guidance: str = "") -> str:
        """Render the one user message of the prompt.

        Args:
            context: the manuscript up to the cursor, as the model is to see it.
            guidance: the writer's direction; only for formats that take it.

        Raises:
            ValueError: guidance was given to a format that has no place for it.
        """
        if self.before_context is None:
            if guidance:
                raise ValueError(f"the prompt format {self.name} takes no guidance")
            return self.before_guidance + context
        return self.before_guidance + guidance + self.before_context + context


class UnknownFormatError(ValueError):
    """No prompt format has this name."""


REASONING = Segment("reasoning", "<reasoning>", "</reasoning>")
ANSWER = Segment("answer", "<answer>", "</answer>")

# The texts are those of molbal/CRA-v1-7B, -32B and CRA-v1-Guided-7B, character for character:
# the apostrophe is U+2019, and the guided Task has hard line breaks, the first after a space.
_CRA_V1 = PromptFormat(
    name="cra-v1",
    before_guidance=(
        "### System: You are a writer\u2019s assistant.\n\n"
        "### Task: Understand how the story flows, what motivations the characters have and how "
        "they will interact with each other and the world as a step by step thought process "
        "before continuing the story.\n\n"
        "### Context:\n"
    ),
    before_context=None,
    segments=(REASONING, ANSWER),
)

_CRA_V1_GUIDED = PromptFormat(
    name="cra-v1-guided",
    before_guidance=(
        "### Task: Understand how the story flows, what motivations the characters have and how \n"
        "they will interact with each other and the world as a step by step thought process "
        "before continuing the story. Keep\n"
        "the guidance in mind when writing the story.\n\n"
        "### Guidance: "
    ),
    before_context="\n\n### Context:\n",
    segments=(REASONING, ANSWER),
)

FORMATS: Mapping[str, PromptFormat] = MappingProxyType(
    {each.name: each for each in (_CRA_V1, _CRA_V1_GUIDED)}
)
"""The known prompt formats by name."""

DEFAULT_FORMAT = _CRA_V1.name


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
