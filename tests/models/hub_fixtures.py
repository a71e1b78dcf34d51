"""What the tests of the Hub share: a stand-in that runs, and a machine that knows no other Hub."""

import os
import random
import sys
from pathlib import Path

import tiny_gguf
from hub_contents import repository
from hub_stand_in import HubStandIn

from storytui.models.hub.place import HubPlace, hub_place

REPOSITORY = "owner/Tale-GGUF"
FILE = "Tale-Q4_K_M.gguf"
LARGE = random.Random(7).randbytes(5_000_000)
"""No model; downloads do not look."""
QUICK = (0.01,) * 5
"""Seconds between tries."""


def stocked() -> HubStandIn:
    """A stand-in with a few repositories."""
    tiny = bytes(tiny_gguf.llama().data)
    return HubStandIn(
        {
            REPOSITORY: repository(
                {"README.md": b"# Tale\n", FILE: LARGE, "Tale-Q8_0.gguf": tiny}, downloads=500
            ),
            "other/Poem-GGUF": repository(
                {"Poem-Q4_K_M.gguf": tiny}, licence="mit", downloads=1000
            ),
            "closed/Secret-GGUF": repository({"Secret-Q4_K_M.gguf": tiny}, private=True),
            "gated/Terms-GGUF": repository({"Terms-Q4_K_M.gguf": tiny}, gated=True, downloads=5),
        }
    )


def place_of(hub: HubStandIn, folder: Path, *, xet: bool = False, **more: str) -> HubPlace:
    """That stand-in for this machine's Hub; `more` goes into the environment."""
    bare = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    environment = {**bare, "HF_ENDPOINT": hub.endpoint, "HF_HOME": str(folder / "hf"), **more}
    return hub_place(environment, folder, sys.platform, xet=xet, hashes=folder / "hashes.json")


def child_that(first: str) -> tuple[str, ...]:
    """A command for the process that talks to the Hub, in which `first` was run before."""
    code = f"{first}\nfrom storytui.models.hub.child import main\nmain()"
    return (sys.executable, "-P", "-c", code)


def files_below(folder: Path) -> list[str]:
    """All files of a cache by their paths in it, but for locks and the tag that backups heed."""
    found = (path for path in folder.rglob("*") if path.is_file() or path.is_symlink())
    return sorted(
        path.relative_to(folder).as_posix() for path in found if ".locks" not in path.parts
    )
