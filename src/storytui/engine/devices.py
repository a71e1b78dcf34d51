"""What llama.cpp can run on, as the model's process tells it, and what a loaded model takes there.

Values only; they travel from the child to the parent. What of them concerns a GPU is as llama.cpp's
sources and published logs have it, and is not verified on one.
"""

from collections.abc import Iterable
from typing import Literal

import msgspec

Kind = Literal["cpu", "gpu", "integrated", "accelerator", "other"]
"""As ggml tells devices apart: `integrated` shares the machine's memory, and an `accelerator` (BLAS
or AMX) helps the CPU and has no memory of its own."""
Part = Literal["weights", "kv", "compute", "output"]
"""What a buffer is for; recurrent states count as keys and values."""

_BACKENDS = {"MTL": "Metal"}
"""Names of backends that people know by another one."""


class Device(msgspec.Struct, frozen=True, kw_only=True):
    """One device of llama.cpp's own list."""

    name: str
    """As llama.cpp calls it, in its log too: `CUDA0`, `MTL0`, `Vulkan1`, `CPU`."""
    description: str
    """As its maker calls it."""
    kind: Kind
    total: int = 0
    """Bytes of memory; 0 where it does not say."""
    free: int = 0
    """Bytes that no program holds, when it was asked."""

    @property
    def backend(self) -> str:
        """What drives it: `CUDA`, `Metal`, `Vulkan`, `ROCm`, `CPU`."""
        plain = self.name.rstrip("0123456789")
        return _BACKENDS.get(plain, plain)


class DeviceReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the model's process has to run on, and how its llama.cpp was built."""

    devices: tuple[Device, ...] = ()
    offloads: bool = False
    """Whether this llama.cpp was built for a GPU, and finds one."""
    system: str = ""
    """What it was built with, in llama.cpp's own words."""
    library: str = ""
    """llama-cpp-python's version."""

    @property
    def gpus(self) -> tuple[Device, ...]:
        """Devices that llama.cpp puts layers on: all GPUs, else the first integrated one.

        As it chooses where nobody does (llama_prepare_model_devices in llama.cpp).
        """
        if not self.offloads:
            return ()
        cards = tuple(each for each in self.devices if each.kind == "gpu")
        return cards or tuple(each for each in self.devices if each.kind == "integrated")[:1]

    @property
    def cpu(self) -> Device | None:
        """The CPU, whose memory is the machine's."""
        return next((each for each in self.devices if each.kind == "cpu"), None)


class Buffer(msgspec.Struct, frozen=True):
    """One of llama.cpp's buffers, as its log tells."""

    part: Part
    place: str
    """As the log calls it: a device (`CUDA0`), a kind of memory on one (`MTL0_Mapped`), or host
    memory (`CPU`, `CPU_Mapped`, `CPU_REPACK`, `CUDA_Host`)."""
    size: int
    """Bytes, as exactly as the log says: MiB with two places."""

    @property
    def device(self) -> str:
        """The device that its place names; that of host memory may be none."""
        return self.place.partition("_")[0]


class Buffers(msgspec.Struct, frozen=True):
    """What llama.cpp reports that a loaded model takes."""

    buffers: tuple[Buffer, ...] = ()
    free: dict[str, int] = {}
    """Bytes free on each GPU when all of it was there, by the device's name."""

    def of(self, part: Part, devices: Iterable[str] | None = None) -> int:
        """Bytes of a part, on some devices or everywhere."""
        named = None if devices is None else set(devices)
        return sum(
            each.size
            for each in self.buffers
            if each.part == part and (named is None or each.device in named)
        )

    def on(self, device: str) -> int:
        """Bytes on one device."""
        return sum(each.size for each in self.buffers if each.device == device)
