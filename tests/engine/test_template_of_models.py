"""A model whose chat template cannot be used is used without it, and that is said."""

from pathlib import Path

import pytest

from storytui.continuing import Options, continue_story
from storytui.engine.api import Finished, Text
from storytui.engine.messages import ModelConfig
from storytui.engine.process import ProcessEngine

LOOP = b"{% for message in messages %}"
STORY = "Greta stood at the foot of the lighthouse and counted the stairs aloud."


@pytest.mark.parametrize(
    ("loop", "says"),
    [
        (b"{% for message in messages }}", "The chat template fails"),
        (b"{% for message in nothing1 %}", "does not hold the message exactly once"),
        (b"{% for message in (1/0,) %}  ", "The chat template fails"),
    ],
)
def test_a_template_that_fails_is_left_out_and_said(
    small_model: Path, tmp_path: Path, loop: bytes, says: str
) -> None:
    broken = tmp_path / "broken-template.gguf"
    whole = small_model.read_bytes()
    assert len(loop) == len(LOOP)
    assert whole.count(LOOP) == 1
    broken.write_bytes(whole.replace(LOOP, loop))
    engine = ProcessEngine(ModelConfig(path=str(broken), context=1024))
    try:
        info = engine.load()
        assert info.chat_template == "failed"
        assert says in info.template_problem
        assert info.template_problem.endswith(", so the model is used without it.")
        options = Options(words=12, reasoning_tokens=0)
        events = [*continue_story(engine, STORY, len(STORY), options)]
        assert isinstance(events[-1], Finished)
        assert "".join(each.text for each in events if isinstance(each, Text)).strip()
        prompt = engine.prompt(STORY)
        assert not any(part.control and part.text == "<|im_start|>" for part in prompt.parts)
    finally:
        engine.close()


def test_a_template_that_works_is_no_problem(engine: ProcessEngine) -> None:
    info = engine.load()
    assert (info.chat_template, info.template_problem, info.stored_format) == ("gguf", "", "")
