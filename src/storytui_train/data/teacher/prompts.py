"""PURE. What the teacher is told: messages for plans and for guidance lines.

The teacher sees what happens next, so that the plan leads there, and is told to write as somebody
who has read the context only. The story stands before the task: the requests of one row begin
alike, and providers read what they have read before at a fraction of the price.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple, TypedDict

from storytui_train.data.examples import Row
from storytui_train.recipe import TeacherOptions

GUIDANCE_WORDS = 30
"""The most words of a guidance line."""
SHORTEST_GUIDANCE = 4


class Message(TypedDict):
    """One message of a chat, as the OpenAI API takes it."""

    role: str
    content: str


class Angle(NamedTuple):
    """From where a plan looks at the story."""

    name: str
    told: str
    """What the teacher is told about it."""


ANGLES = (
    Angle(
        "motives",
        "Set out from the people: what each of them wants at this moment, what they hide or fear, "
        "and how that makes them act and answer one another.",
    ),
    Angle(
        "stakes",
        "Set out from the tension: what is at stake, what stands in the way, what has been "
        "promised to happen and not happened yet, and what has to give way now.",
    ),
    Angle(
        "senses",
        "Set out from the place: where everybody is, what can be seen, heard and touched there, "
        "and how the place and the hour bring about what comes.",
    ),
    Angle(
        "pace",
        "Set out from the telling: whether speech, action, description or reflection is due, how "
        "fast it should go, whose eyes it follows, and where it has to come to rest.",
    ),
)

_SYSTEM = (
    "You help a novelist to think. You are given the end of a story as far as it is written, and "
    "a note of what the novelist will write next. The note is for you alone: whoever reads your "
    "answer has read the story so far and nothing else, and your answer must read as if you had "
    "not seen one word of the note either."
)

_STORY = """=== The story so far ===

{context}

=== What will be written next (for you alone) ===

{continuation}

=== Your task ===

"""

_PLAN = """\
Think aloud, as the novelist does before writing on. Go step by step: where the story stands at \
the very end of what is written; what each person in the scene wants; what must therefore happen \
next, and in which order, up to the point that the note reaches. Every event you arrive at has to \
follow from what was told before.

{angle}

Write {shortest} to {longest} words, in the present tense from first to last, in plain sentences, \
one after another, in the language of the story. No list, no heading, no quotation marks, no line \
of dialogue. Use words of your own: no phrase of the note may come back. Do not retell what is \
already written. Do not speak of a note, a text, a passage, a task or a reader; speak of the \
people and of what has to happen. Give nothing but the thoughts."""

_GUIDANCE = """\
Say in one sentence of at most {longest} words where the story goes next, as a novelist would tell \
a helper what to write: who does what, and how it comes out. Use the present tense, the language \
of the story, and words of your own: no phrase of the note may come back. No quotation marks, and \
no mention of a note, a text, a scene or a story. Give nothing but this sentence."""

_AGAIN = """

An earlier answer could not be used:
{faults}
Mind that, and answer anew."""


def plan_messages(
    row: Row, options: TeacherOptions, angle: Angle, faults: Sequence[str] = ()
) -> list[Message]:
    """The messages that ask for one plan of a row.

    Args:
        row: whose context and continuation are sent.
        options: say how long a plan may be.
        angle: from where it looks at the story.
        faults: sentences that say what was wrong with the answer before.
    """
    shortest, longest = asked_words(options)
    task = _PLAN.format(angle=angle.told, shortest=shortest, longest=longest)
    return _messages(row, task, faults)


def guidance_messages(row: Row, faults: Sequence[str] = ()) -> list[Message]:
    """The messages that ask for a row's guidance line; `faults` as in `plan_messages`."""
    return _messages(row, _GUIDANCE.format(longest=GUIDANCE_WORDS - 5), faults)


def asked_words(options: TeacherOptions) -> tuple[int, int]:
    """How many words a plan is asked to have: inside of what is taken, since models miscount."""
    shortest, longest = options.plan_words
    room = (longest - shortest) // 5
    return shortest + room, longest - room


def angle_of(number: int) -> Angle:
    """The angle of a row's plan, counted from 0; after the last angle the first one comes again."""
    return ANGLES[number % len(ANGLES)]


def prompt_hash(options: TeacherOptions) -> str:
    """SHA-256 of everything in the prompts that is not the story's: 16 hexadecimal digits."""
    texts = (
        *(_SYSTEM, _STORY, _PLAN, _GUIDANCE, _AGAIN),
        *(text for angle in ANGLES for text in angle),
        *map(str, (*asked_words(options), GUIDANCE_WORDS)),
    )
    return sha256("\0".join(texts).encode()).hexdigest()[:16]


def _messages(row: Row, task: str, faults: Sequence[str]) -> list[Message]:
    # Not by format, nor by replacing twice: a story may hold braces.
    head, tail = _STORY.split("{continuation}")
    before, after = head.split("{context}")
    told = _AGAIN.format(faults="\n".join(f"- {each}" for each in faults)) if faults else ""
    text = "".join(
        (before, row.context.strip("\n"), after, row.continuation.strip("\n"), tail, task, told)
    )
    return [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": text}]
