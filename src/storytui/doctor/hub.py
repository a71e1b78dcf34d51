"""Where models are fetched from and kept: the Hugging Face Hub, by the environment. Asks nobody."""

import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from storytui.doctor.finding import Finding, ok
from storytui.doctor.places import check_folders
from storytui.models.hub.place import HUB, hub_place

_OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")


def check_hub(
    *, xet: bool, environment: Mapping[str, str] | None = None, home: Path | None = None
) -> Iterator[Finding]:
    """See to what downloads need.

    Args:
        xet: `[models] xet` of the settings.
        environment: None: this process's.
        home: None: hers.
    """
    environment = os.environ if environment is None else environment
    place = hub_place(environment, home or Path.home(), sys.platform, xet=xet)
    if place.offline:
        names = " and ".join(each for each in _OFFLINE if environment.get(each))
        yield ok("Downloads", f"none are made, since {names} is set")
    else:
        where = "huggingface.co" if place.endpoint == HUB else "the address in HF_ENDPOINT"
        token = "with a token" if place.has_token else "without a token"
        off = place.environment.get("HF_HUB_DISABLE_XET", "").upper() in ("1", "ON", "YES", "TRUE")
        by_xet = not off and importlib.util.find_spec("hf_xet") is not None
        how = "by Xet where it is offered" if by_xet else "by plain HTTP"
        yield ok("Downloads", f"from {where}, {token}, {how}")
    yield from check_folders({"models that are fetched": place.cache})
