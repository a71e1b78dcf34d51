"""What a prompt format is given of the text round the cursor: the context's end, what follows.

The editor and the training data both ask here, so that what is trained is what is served.
"""

from storytui.story.prompt import PromptFormat
from storytui.story.sentences import last_sentence_end

LATER_CHARACTERS = 600
"""Enough of what follows to write towards it; it is read anew with every reply."""


def story_end(text: str, offset: int) -> int:
    """Where the story before the cursor ends: behind its last character that is no white space.

    White space before the cursor is no part of the story yet: how the answer joins is decided
    when it is taken, and a token of blanks at the end of a prompt misleads the model.

    Args:
        text: the manuscript.
        offset: the cursor, in characters.
    """
    end = min(offset, len(text))
    while end > 0 and text[end - 1].isspace():
        end -= 1
    return end


def context_end(text: str, offset: int, form: PromptFormat) -> int:
    """Where the context ends for a format: where the story does, or, before a verbatim answer,
    which follows the very last character, at the cursor itself.

    Args:
        text: the manuscript.
        offset: the cursor, in characters.
        form: the prompt's format.
    """
    return min(offset, len(text)) if form.verbatim else story_end(text, offset)


def what_follows(text: str, offset: int, characters: int = LATER_CHARACTERS) -> str:
    """What follows the cursor, up to the end of a sentence, or else of a word.

    Args:
        text: the manuscript.
        offset: the cursor, in characters.
        characters: the most of it; 0: nothing.
    """
    later = text[offset : offset + characters]
    if offset + characters < len(text):
        end = last_sentence_end(later, characters // 2)
        if end is None:
            end = next((at for at in range(len(later), 0, -1) if later[at - 1].isspace()), None)
        later = later[:end]
    return later.strip()
