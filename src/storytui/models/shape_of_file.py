"""The shape of a model on the disk: the headers of its files are read, its weights are not."""

from contextlib import ExitStack
from pathlib import Path

from storytui.engine.api import ModelError
from storytui.models.gguf import check_gguf, further_parts, opened
from storytui.models.gguf_reading import GgufFaultError
from storytui.models.shape import Shape, shape_of


def shape_in(path: Path) -> Shape:
    """The shape of a model; of a divided one, name the first file.

    Raises:
        ModelError: there is no such file, or it is no model that can be planned for.
    """
    check_gguf(path)
    with ExitStack() as stack:
        files = [path, *(each for each in further_parts(path) if each.exists())]
        contents = [stack.enter_context(opened(each))[0] for each in files]
        try:
            return shape_of(*contents)
        except GgufFaultError as fault:
            raise ModelError(f"The model {path} {fault}. {fault.advice}") from None
