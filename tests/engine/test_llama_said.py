# ruff: noqa: E501
"""What llama.cpp's log says of a load, in the wordings of its backends and versions.

The logs of GPUs are put together from published ones, not recorded on one of ours.
"""

from pathlib import Path

import pytest

from storytui.engine.devices import Buffers
from storytui.engine.llama import LlamaModel, backend
from storytui.engine.llama.said import buffers_in, flash_attention_in, gpu_layers_in
from storytui.engine.messages import ModelConfig

MIB = 1 << 20

CUDA = """\
llama_prepare_model_devices: using device CUDA0 (NVIDIA GeForce RTX 3060) (0000:01:00.0) - 11077 MiB free
load_tensors: offloading output layer to GPU
load_tensors: offloading 28 repeating layers to GPU
load_tensors: offloaded 29/29 layers to GPU
load_tensors:   CPU_Mapped model buffer size =   292.36 MiB
load_tensors:        CUDA0 model buffer size =  4168.09 MiB
llama_context: constructing llama_context
llama_context: n_ctx                 = 16384
llama_context: flash_attn            = auto
llama_context:  CUDA_Host  output buffer size =     5.80 MiB
llama_kv_cache:      CUDA0 KV buffer size =   896.00 MiB
llama_kv_cache: size =  896.00 MiB ( 16384 cells,  28 layers, 10/1 seqs), K (f16):  448.00 MiB, V (f16):  448.00 MiB
sched_reserve: reserving ...
resolve_fused_ops: Flash Attention enabled
resolve_fused_ops: resolving fused Gated Delta Net support:
sched_reserve:      CUDA0 compute buffer size =   304.00 MiB
sched_reserve:  CUDA_Host compute buffer size =    39.01 MiB
sched_reserve: graph nodes  = 1154
"""
TWO_CARDS = """\
load_tensors: offloaded 49/49 layers to GPU
load_tensors:      Vulkan0 model buffer size =  8975.63 MiB
load_tensors:      Vulkan1 model buffer size =  8548.79 MiB
load_tensors:  Vulkan_Host model buffer size =   166.92 MiB
llama_context: constructing llama_context
llama_context: flash_attn    = enabled
llama_kv_cache:    Vulkan0 KV buffer size =  6400.00 MiB
llama_kv_cache:    Vulkan1 KV buffer size =  5888.00 MiB
sched_reserve:    Vulkan0 compute buffer size =   712.08 MiB
sched_reserve:    Vulkan1 compute buffer size =   712.08 MiB
sched_reserve: Vulkan_Host compute buffer size =   528.09 MiB
"""
METAL = """\
load_tensors: offloaded 33/33 layers to GPU
load_tensors:   CPU_Mapped model buffer size =   304.28 MiB
load_tensors:  MTL0_Mapped model buffer size =  2375.91 MiB
llama_context: constructing llama_context
llama_context: flash_attn    = auto
llama_context:        CPU  output buffer size =     0.95 MiB
llama_kv_cache:       MTL0 KV buffer size =  4352.00 MiB
llama_memory_recurrent:       MTL0 RS buffer size =    50.25 MiB
sched_reserve: reserving ...
sched_reserve: Flash Attention was auto, set to enabled
sched_reserve:       MTL0 compute buffer size =   832.60 MiB
sched_reserve:        CPU compute buffer size =   528.29 MiB
"""
IN_PART = """\
load_tensors: offloaded 5/43 layers to GPU
load_tensors:   CPU_Mapped model buffer size =  6758.41 MiB
load_tensors:        ROCm0 model buffer size =  1018.77 MiB
llama_context: constructing llama_context
llama_context: flash_attn            = auto
llama_kv_cache:        CPU KV buffer size =   592.00 MiB
llama_kv_cache:      ROCm0 KV buffer size =    80.00 MiB
sched_reserve: layer 0 is assigned to device ROCm0 but the Flash Attention tensor is assigned to device CPU (usually due to missing support)
resolve_fused_ops: Flash Attention not supported, set to disabled
sched_reserve:      ROCm0 compute buffer size =   448.00 MiB
"""


def told(log: str) -> Buffers:
    return buffers_in(log.splitlines(keepends=True))


def mib(size: float) -> int:
    return round(size * MIB)


def test_a_card_is_told_from_the_host_memory_that_serves_it() -> None:
    found = told(CUDA)

    assert found.of("weights", ["CUDA0"]) == mib(4168.09)
    assert found.of("weights") == mib(4168.09) + mib(292.36)
    assert found.of("kv") == found.of("kv", ["CUDA0"]) == mib(896)
    assert found.of("compute", ["CUDA0"]) == mib(304)
    assert found.of("output", ["CUDA0"]) == 0
    assert found.of("output") == mib(5.80)
    assert found.on("CUDA0") == mib(4168.09) + mib(896) + mib(304)


def test_each_of_several_cards_has_its_own() -> None:
    found = told(TWO_CARDS)

    assert found.on("Vulkan0") == mib(8975.63) + mib(6400) + mib(712.08)
    assert found.of("compute", ["Vulkan0", "Vulkan1"]) == 2 * mib(712.08)


def test_what_metal_maps_is_on_the_device_and_recurrent_states_are_kept_like_keys() -> None:
    found = told(METAL)

    assert found.of("weights", ["MTL0"]) == mib(2375.91)
    assert found.of("kv", ["MTL0"]) == mib(4352) + mib(50.25)


@pytest.mark.parametrize(
    ("log", "flash_attention", "layers"),
    [(CUDA, True, 29), (TWO_CARDS, True, 49), (METAL, True, 33), (IN_PART, False, 5)],
)
def test_flash_attention_and_layers_are_what_became_of_them(
    log: str, flash_attention: bool, layers: int
) -> None:
    lines = log.splitlines()

    assert flash_attention_in(lines) is flash_attention
    assert gpu_layers_in(lines) == layers


def test_a_context_that_could_not_be_opened_does_not_count() -> None:
    first = CUDA.replace("= 16384", "= 32768").replace("896.00", "1792.00")

    found = told(first + "llama_context: constructing llama_context\n" + CUDA.split("text\n")[-1])

    assert found.of("kv") == mib(896)
    assert found.of("weights", ["CUDA0"]) == mib(4168.09)


@pytest.mark.parametrize("log", ["", "nothing of the kind\n", "CUDA0 model buffer size = much\n"])
def test_what_is_not_understood_is_left_out(log: str) -> None:
    assert told(log) == Buffers()
    assert flash_attention_in(log.splitlines()) is None
    assert gpu_layers_in(log.splitlines()) is None


@pytest.mark.parametrize(
    "text",
    [
        "CUDA0 KV buffer size = 0.01 MiB",
        "load_tensors: CUDA0 model buffer size = 99999.00 MiB",
        "llama_context: constructing llama_context",
        "llama_context: flash_attn = disabled",
        "offloaded 1/29 layers to GPU",
        "CUDA0 KV buffer size = 1.2.3 MiB",
    ],
)
def test_what_a_header_says_in_the_words_of_the_log_counts_for_nothing(text: str) -> None:
    header = [
        f"llama_model_loader: - kv   2:  general.name str  = {text}\n",
        f"print_info: general.name     = {text}\n",
        f"print_info: EOS token        = 2 '{text}'\n",
    ]
    lines = CUDA.splitlines(keepends=True)

    for at in (1, 4, len(lines)):
        both = [*lines[:at], *header, *lines[at:]]
        assert buffers_in(both) == told(CUDA)
        assert flash_attention_in(both) is True
        assert gpu_layers_in(both) == 29


def test_the_real_log_says_what_the_small_model_takes(small_model: Path) -> None:
    model = LlamaModel(ModelConfig(path=str(small_model), context=1024), lambda _part: None)
    try:
        measured = model.info.measured

        # 30 layers of 3 heads of 64 numbers of two bytes, keys and values.
        assert measured.of("kv") == 1024 * 30 * 3 * 64 * 2 * 2
        assert abs(measured.of("weights") - small_model.stat().st_size) < 4 * MIB
        assert measured.of("compute") > 0
        assert measured.of("output") > 0
        assert model.info.flash_attention is False
        assert flash_attention_in(backend.said()) is False
    finally:
        model.close()


def test_q8_0_keys_are_said_to_run_with_flash_attention(small_model: Path) -> None:
    config = ModelConfig(path=str(small_model), context=512, kv_type="q8_0")
    model = LlamaModel(config, lambda _part: None)
    try:
        assert model.info.kv_type == "q8_0"
        assert model.info.flash_attention is True
    finally:
        model.close()
