"""What a model is asked for a row: exactly what the editor would ask with the cursor there."""

from dataclasses import dataclass

from storytui.continuing import Options, Plan, plan
from storytui.engine.api import Engine, Sampling
from storytui.story.prompt import prompt_format
from storytui_train.data.examples import Row
from storytui_train.data.teacher.judging import end_of
from storytui_train.evaluate.contestants import Contestant
from storytui_train.evaluate.held_out import seed_of


@dataclass(frozen=True, slots=True)
class Asked:
    """What all models are asked alike."""

    words: int = 180
    """Of the takes."""
    context_words: int = 0
    """Of a row's context, from its end; 0: all of it."""
    seed: int = 1


def planned(
    engine: Engine, contestant: Contestant, row: Row, asked: Asked, *, words: int, room: int = 0
) -> Plan:
    """The reply that the editor would plan behind a row's context.

    Nothing follows the cursor, nothing is in the notes, and only a format that is not complete
    without it is given the row's guidance.

    Args:
        engine: the model's.
        contestant: the model.
        row: the example.
        asked: how much of the context, and the seed.
        words: asked for.
        room: tokens that are kept free for the answer; 0: enough for so many words.

    Raises:
        PromptTooLongError: the model's context is too small for the reply.
        EngineError: the model cannot be loaded.
    """
    form = prompt_format(contestant.format)
    guided = needs_guidance(contestant.format)
    text = end_of(row.context, asked.context_words)
    options = Options(
        format=form.name,
        direction=row.guidance if guided else "",
        later_characters=0,
        words=words,
        room=room,
        lead_words=0 if contestant.trained else -1,
        sampling=Sampling(seed=seed_of(asked.seed, row.id)),
    )
    return plan(engine, text, len(text), options)


def needs_guidance(format: str) -> bool:
    """Whether a prompt format is not complete without guidance."""
    parts = prompt_format(format).parts
    return any(part.slot == "direction" and not part.optional for part in parts)
