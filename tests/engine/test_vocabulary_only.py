"""An engine of which only the vocabulary is loaded: the same tokens, and nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storytui.engine.api import EngineError, ModelError, Request, Sampling, SegmentPlan
from storytui.engine.messages import ModelConfig
from storytui.engine.model_info import Adapter
from storytui.engine.process import ProcessEngine
from storytui.engine.scores import Passage

REPLY = ("<reasoning>", "She goes.</reasoning><answer>", " “Go,” he said.</answer>")


@pytest.fixture(scope="module")
def engine(small_model: Path) -> Iterator[ProcessEngine]:
    engine = ProcessEngine(ModelConfig(path=str(small_model), vocabulary_only=True))
    yield engine
    engine.close()


def test_its_tokens_are_the_whole_models(engine: ProcessEngine, small_model: Path) -> None:
    whole = ProcessEngine(ModelConfig(path=str(small_model), context=512))
    try:
        message = "The lamp was out.\n\nAnna <|im_end|> listened."
        assert engine.encode(message, *REPLY) == whole.encode(message, *REPLY)
        assert engine.count([message, "a"]) == whole.count([message, "a"])
        assert engine.prompt(message, "<answer>") == whole.prompt(message, "<answer>")
        told, there = whole.load(), engine.load()
    finally:
        whole.close()
    for name in ("name", "architecture", "trained_context", "layers", "chat_template"):
        assert getattr(there, name) == getattr(told, name)


def test_it_says_that_it_can_do_nothing_else_and_goes_on(engine: ProcessEngine) -> None:
    plan = SegmentPlan(name="answer", opening="<answer>", closing="</answer>", tokens=8)
    asked = [
        lambda: list(engine.generate(Request(message="a", segments=(plan,), sampling=Sampling()))),
        lambda: list(engine.score([Passage(message="a", text="b")])),
        lambda: engine.adapt([Adapter(path="none.gguf")]),
    ]
    for ask in asked:
        with pytest.raises(EngineError, match="Only the vocabulary"):
            ask()
    assert engine.count(["a"]) == [1]


def test_a_broken_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF" + bytes(60))
    engine = ProcessEngine(ModelConfig(path=str(path), vocabulary_only=True))
    try:
        with pytest.raises(ModelError, match=r"broken\.gguf cannot be loaded"):
            engine.load()
    finally:
        engine.close()
