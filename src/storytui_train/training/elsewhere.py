"""A training that was begun, or is done, where `auto` meant something else: on another device.

What optimizer and which type are computed with is part of what a state depends on. Where a GPU does
not answer, both change by themselves, and nothing that was made with it may be lost by that.
"""

from collections.abc import Callable

import torch

from storytui_train.errors import TrainError
from storytui_train.recipe_training import TrainOptions
from storytui_train.training.base import compute_type
from storytui_train.training.optimizers import optimizer_kind
from storytui_train.training.run_folder import RunFolder, TrainRecord, fingerprint_of, steering_of

_PAGED, _PLAIN = "paged_adamw_8bit", "adamw"
_KINDS = tuple(
    f"{optimizer} {compute}"
    for optimizer in (_PAGED, _PLAIN)
    for compute in (torch.bfloat16, torch.float32)
)
"""All that a training can have been begun with."""


def resolved(options: TrainOptions, device: torch.device) -> str:
    """What `auto` means on a device: the optimizer, and the type that is computed in.

    Raises:
        RecipeError: the optimizer that is wanted does not run there.
    """
    return f"{optimizer_kind(options, device)} {compute_type(options, device)}"


def done_elsewhere(
    folder: RunFolder,
    options: TrainOptions,
    device: torch.device,
    course_with: Callable[[str], str],
) -> TrainRecord | None:
    """The record of a training that is complete, but for being of another device.

    Args:
        folder: of the training.
        options: of the training as it is wanted now.
        device: where it would be now.
        course_with: the course of this training with what `auto` may mean.

    Returns:
        None: nothing is there that was made elsewhere.

    Raises:
        TrainError: it was begun elsewhere, or done there with other settings; all is as it was.
    """
    here = resolved(options, device)
    done, was = folder.record(), _made_with(folder, course_with)
    if was in ("", here):
        return None
    if done is not None and _same(done.settings, options):
        return done
    gpu_is_gone = was.startswith(_PAGED) and device.type == "cpu"
    why = (
        "is the GPU not seen?"
        if gpu_is_gone
        else "did the device change, or optimizer, or compute?"
    )
    raise TrainError(
        f"This training was begun with {_in_words(was)}, and here it would be {_in_words(here)}: "
        f"{why} Nothing was changed. Go on where it was begun, or train anew with --again."
    )


def _made_with(folder: RunFolder, course_with: Callable[[str], str]) -> str:
    """What `auto` meant to the states, or the adapter, that are there; empty: there are none."""
    begun, done = folder.begun(), folder.record()
    if folder.states.latest() is None:
        begun = None
    for each in _KINDS:
        course = course_with(each)
        if begun is not None and begun.course == course:
            return each
        if done is not None and done.fingerprint == _fingerprint(course, done.settings):
            return each
    return ""


def _same(one: TrainOptions, other: TrainOptions) -> bool:
    """Whether two trainings of one course, but for the device, are steered alike."""
    auto = (one.optimizer, one.compute) == (other.optimizer, other.compute)
    return auto and steering_of(one) == steering_of(other)


def _fingerprint(course: str, options: TrainOptions) -> str:
    return fingerprint_of(course, steering_of(options))


def _in_words(kind: str) -> str:
    optimizer, _, compute = kind.partition(" ")
    return f"{optimizer} in {compute.removeprefix('torch.')}"
