"""What llama.cpp says when memory was too small, told from what it says of a broken file."""

from pathlib import Path

import pytest

from storytui.engine.api import ModelError, NoRoomError
from storytui.engine.llama import LlamaModel, backend, loading
from storytui.engine.llama.loading import says_no_room
from storytui.engine.messages import ModelConfig, error_of, failure


@pytest.mark.parametrize(
    "line",
    [
        "llama_model_load: error loading model: unable to allocate CUDA0 buffer",
        "ggml_backend_cuda_buffer_type_alloc_buffer: allocating 4168.09 MiB on device 0: "
        "cudaMalloc failed: out of memory",
        "ggml_gallocr_reserve_n_impl: failed to allocate CUDA0 buffer of size 318767104",
        "alloc_tensor_range: failed to allocate Vulkan0 buffer of size 4370512896",
    ],
)
def test_memory_that_was_too_small_is_known(line: str) -> None:
    assert says_no_room(["something before", line])


def test_a_broken_file_is_no_lack_of_memory(tmp_path: Path) -> None:
    path = tmp_path / "broken.gguf"
    path.write_bytes(b"GGUF" + bytes(60))

    with pytest.raises(ModelError) as caught:
        LlamaModel(ModelConfig(path=str(path)), lambda _part: None)

    assert not isinstance(caught.value, NoRoomError)


def test_what_cannot_be_allocated_travels_as_that(
    small_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = ["llama_model_load: error loading model: unable to allocate CUDA0 buffer"]
    monkeypatch.setattr(loading.llama_cpp, "llama_model_load_from_file", lambda *_: None)
    monkeypatch.setattr(backend, "reasons", lambda: said)

    with pytest.raises(NoRoomError) as caught:
        LlamaModel(ModelConfig(path=str(small_model)), lambda _part: None)

    assert isinstance(error_of(failure(0, caught.value)), NoRoomError)


def test_a_context_that_cannot_be_opened_is_a_lack_of_memory(
    small_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading.llama_cpp, "llama_init_from_model", lambda *_: None)

    with pytest.raises(NoRoomError, match="with a context of 512 tokens"):
        LlamaModel(ModelConfig(path=str(small_model), context=512), lambda _part: None)
