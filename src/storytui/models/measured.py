"""What loaded models really took on this machine, kept in a small file to correct the next plan.

The figures are those of llama.cpp's log and of its devices' free memory, which `ModelInfo.measured`
brings. The file is a convenience: one that is missing or broken costs exactness and nothing else.
What concerns a GPU's memory here is not verified on one.
"""

import contextlib
import hashlib
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from storytui.engine.devices import DeviceReport
from storytui.engine.messages import KvType
from storytui.engine.model_info import ModelInfo
from storytui.models.fit import Way
from storytui.models.gguf_reading import Tensor
from storytui.models.model_memory import MIB, Parts
from storytui.models.remembering import Marks, put_in_place
from storytui.models.shape import Shape

VERSION = "measured-1"
BETWEEN = " + "
"""Between the names of several devices."""
MOST_RECORDS = 64
LATER = 128 * MIB
"""Bytes of a GPU that kernels and their pools take with the first evaluation, which comes after the
figures: an assumption."""
MOST_DRIVER = 2048 * MIB
"""Bytes of a GPU that a driver may take; where more is gone, another program took it meanwhile."""
_MOST_BYTES = 1 << 20
_MOST_FIGURE = 1 << 50
"""Bytes or tokens, of any figure."""
_RECENT = 8
"""Records that the driver's share is taken from, the largest of theirs: programs come and go while
a model is loaded, and what one of them gives back must not count as ours."""


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What one load took."""

    device: str
    """What it ran on, as its maker calls it."""
    library: str
    """llama-cpp-python's version."""
    model: str
    """The key of its shape."""
    file: str
    """What tells its file from others, and from itself once it changed."""
    context: int
    kv_type: KvType
    flash_attention: bool
    whole_windows: bool | None
    gpu_layers: int
    weights_gpu: int
    weights_host: int
    kv: int
    kv_host: int
    compute: int
    output: int
    driver: int | None = None
    """Bytes gone from the GPU's free memory that are in none of the buffers; None: not known."""

    @property
    def way(self) -> Way:
        """How it was loaded."""
        return (self.context, self.kv_type, self.gpu_layers)

    @property
    def share(self) -> int | None:
        """Bytes that the driver took; None: not known, or more than it can be."""
        cards = self.device.count(BETWEEN) + 1
        return self.driver if (self.driver or 0) <= MOST_DRIVER * cards else None

    @property
    def can_be(self) -> bool:
        """Whether the figures are such as a load may have: anybody may write into the file."""
        figures = (
            *(self.gpu_layers, self.weights_gpu, self.weights_host, self.kv, self.kv_host),
            *(self.compute, self.output, self.driver or 0),
        )
        return 0 < self.context < _MOST_FIGURE and all(0 <= each < _MOST_FIGURE for each in figures)

    def parts(self, driver: int) -> Parts:
        """The figures as a plan has them.

        Args:
            driver: bytes of the driver's share, where this load did not say.
        """
        own = driver if self.share is None else self.share + LATER
        return Parts(
            weights_gpu=self.weights_gpu,
            weights_host=self.weights_host,
            kv=self.kv,
            kv_host=self.kv_host,
            compute=self.compute,
            output=self.output,
            overhead=own if self.weights_gpu else 0,
        )


class _File(msgspec.Struct, frozen=True):
    version: str
    records: list[Record]


class Measurements:
    """The file of records; several editors may use it at once."""

    def __init__(self, path: Path | None) -> None:
        """Nothing is read yet.

        Args:
            path: the JSON file; None knows and keeps nothing.
        """
        self._path = path

    def records(self) -> list[Record]:
        """All that are kept, the newest last."""
        if self._path is None:
            return []
        try:
            with self._path.open("rb") as file:
                found = msgspec.json.decode(file.read(_MOST_BYTES), type=_File)
        except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
            return []
        if found.version != VERSION:
            return []
        return [each for each in found.records if each.can_be]

    def keep(self, record: Record) -> None:
        """Keep a record, in place of an older one of the same load."""
        if self._path is None:
            return
        found = self.records()
        if record in found[-_RECENT:]:
            return
        kept = [each for each in found if _load_of(each) != _load_of(record)]
        body = msgspec.json.encode(_File(VERSION, [*kept, record][-MOST_RECORDS:]))
        with contextlib.suppress(OSError):
            put_in_place(self._path, body)

    def on(self, device: str, library: str) -> list[Record]:
        """The records of a device with this llama.cpp."""
        return [each for each in self.records() if (each.device, each.library) == (device, library)]


def _load_of(record: Record) -> tuple[object, ...]:
    """What tells one load from another."""
    return (
        *(record.device, record.library, record.model, *record.way),
        *(record.flash_attention, record.whole_windows),
    )


def driver_share(records: Iterable[Record]) -> int | None:
    """Bytes of a device that the driver takes, by what was measured; None: nothing was."""
    shares = [each.share for each in records if each.share is not None]
    return max(shares[-_RECENT:]) + LATER if shares else None


def measured_ways(
    records: Iterable[Record], shape: Shape, driver: int, whole_windows: bool | None
) -> dict[Way, Parts]:
    """What a model took, by how it was loaded.

    Args:
        records: of one device.
        shape: the model's.
        driver: bytes of the driver's share where a load did not say.
        whole_windows: as the engine is told.
    """
    model = model_key(shape)
    return {
        each.way: each.parts(driver)
        for each in records
        if each.model == model and each.whole_windows == whole_windows
    }


def has_flash_attention(records: Iterable[Record], shape: Shape) -> bool:
    """Whether a GPU has flash attention for a model, as far as its last load tells."""
    model = model_key(shape)
    known = [each.flash_attention for each in records if each.gpu_layers and each.model == model]
    return not known or known[-1]


def model_key(shape: Shape) -> str:
    """The same for all files whose tensors have the same names, types and shapes."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(f"{shape.architecture} {shape.trained_context} {shape.vocabulary}".encode())
    tensors: list[Tensor] = [*shape.host, *shape.output]
    for layer in shape.layers:
        tensors += layer.tensors.values()
    for each in tensors:
        digest.update(f"\n{each.name} {each.kind} {each.shape}".encode("utf-8", "replace"))
    return digest.hexdigest()


def file_key(marks: Marks) -> str:
    """What tells a model's files from others without reading them."""
    return " ".join(f"{each.size}-{each.mtime_ns}" for each in marks)


def record_of(
    report: DeviceReport,
    info: ModelInfo,
    whole_windows: bool | None,
    file: str,
    model: Callable[[], str | None],
) -> Record | None:
    """What a load took; None where llama.cpp's log said nothing that is understood.

    Args:
        report: of the devices, from before the load.
        info: of the loaded model.
        whole_windows: as the engine was told.
        file: the key of its file.
        model: gives the key of its shape, or None where it has none; called last.
    """
    measured = info.measured
    if not measured.of("weights") or info.kv_type not in ("f16", "q8_0"):
        return None
    gpus = {each.name: each for each in report.gpus} if info.gpu_layers else {}
    gone = None
    if gpus and gpus.keys() <= measured.free.keys():
        before = sum(each.free for each in gpus.values())
        after = sum(measured.free[name] for name in gpus)
        gone = max(0, before - after - sum(measured.on(name) for name in gpus))
    key = model()
    if key is None:
        return None
    return Record(
        device=info.device,
        library=report.library,
        model=key,
        file=file,
        context=info.context,
        kv_type="q8_0" if info.kv_type == "q8_0" else "f16",
        flash_attention=info.flash_attention,
        whole_windows=whole_windows,
        gpu_layers=info.gpu_layers,
        weights_gpu=measured.of("weights", gpus),
        weights_host=measured.of("weights") - measured.of("weights", gpus),
        kv=measured.of("kv"),
        kv_host=measured.of("kv") - measured.of("kv", gpus),
        compute=measured.of("compute", gpus) if gpus else measured.of("compute"),
        output=measured.of("output"),
        driver=gone,
    )
