"""Memory that is freed goes back while a base is read, and is kept for the next step."""

import platform
import subprocess
import sys

import pytest

PAGES = 2048
"""Of four KiB, of the piece that comes and goes."""
PROGRAM = f"""
import resource, sys, torch
from storytui_train.training import device_memory
torch.set_num_threads(1)
wanted = getattr(device_memory, sys.argv[1])
assert wanted()
def again():
    for _ in range(20):
        torch.ones({PAGES} * 1024)
again()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
again()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(wanted: str) -> int:
    """Pages that the system had to give (getrusage(2)) for twenty pieces, one after the other."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, wanted], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's malloc is asked")
def test_steps_get_the_memory_that_the_one_before_had() -> None:
    back, kept = faults("hold_no_freed_memory"), faults("use_freed_memory_again")
    # Large pages are given at once, and count as one.
    assert back >= 20
    assert kept < 20
