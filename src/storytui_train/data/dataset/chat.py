"""Chat files for hosted trainers: one `{"messages": […]}` a line, checked before they are sent.

OpenAI's and Fireworks' fine-tuning both read this form and turn a file away for one bad line.
Sources: https://platform.openai.com/docs/guides/supervised-fine-tuning,
https://docs.fireworks.ai/fine-tuning/fine-tuning-models.
"""

from collections.abc import Iterable, Iterator

import msgspec

from storytui_train.data.dataset.rendering import Message, Rendered

ROLES = ("system", "user", "assistant")
FEWEST = 10
"""Examples that a file has to have: ten at OpenAI's, three at Fireworks'."""


class Chat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line: nothing beside the messages, for other keys are turned away."""

    messages: tuple[Message, ...]


def chat_line(rendered: Rendered) -> bytes:
    """A row as a line, with its line break."""
    return msgspec.json.encode(Chat(rendered.messages)) + b"\n"


def troubles(lines: Iterable[bytes]) -> Iterator[str]:
    """What a hosted trainer would turn a file away for, a sentence each.

    Args:
        lines: of the file.
    """
    count = 0
    for count, line in enumerate(lines, 1):
        try:
            messages = msgspec.json.decode(line, type=Chat).messages
        except msgspec.DecodeError as error:
            yield f"Line {count} is no chat: {error}."
            continue
        roles = [each.role for each in messages]
        if any(role not in ROLES for role in roles):
            yield f"Line {count} has a role that is none of {', '.join(ROLES)}."
        elif "system" in roles[1:] or "user" not in roles:
            yield f"Line {count} has a system message behind others, or no user message."
        elif roles[-1] != "assistant":
            yield f"Line {count} does not end with the assistant's message."
        if any(not each.content.strip() for each in messages):
            yield f"Line {count} has an empty message."
    if count < FEWEST:
        yield f"There are {count} examples; OpenAI wants {FEWEST} at the least, Fireworks 3."
