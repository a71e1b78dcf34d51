"""Where the Hub is for this machine: address, cache, token; all by the environment.

The variables are those of huggingface_hub (docs, package reference, "Environment variables");
nothing of the library is imported here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from storytui.folders import as_typed
from storytui.models.found_places import Machine, hugging_face_caches
from storytui.models.hub.talks import Talks

HUB = "https://huggingface.co"

_TRUE = {"1", "ON", "YES", "TRUE"}
_SWITCHES = MappingProxyType(
    {
        # The library, and hf_xet below it, would otherwise tell an address of their own.
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_XET_TELEMETRY_ENABLED": "0",
        "DO_NOT_TRACK": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_SYMLINKS_WARNING": "1",
        "HF_DEBUG": "0",
        # What hf_xet holds in memory ahead of the disk is lost when it is ended.
        "HF_XET_RECONSTRUCTION_DOWNLOAD_BUFFER_SIZE": "64mb",
        "HF_XET_RECONSTRUCTION_DOWNLOAD_BUFFER_PERFILE_SIZE": "64mb",
        "HF_XET_RECONSTRUCTION_DOWNLOAD_BUFFER_LIMIT": "64mb",
        # By itself it waits for minutes before it says that the network is gone.
        "HF_XET_CLIENT_CONNECT_TIMEOUT": "10s",
        "HF_XET_CLIENT_READ_TIMEOUT": "30s",
        "HF_XET_CLIENT_RETRY_MAX_ATTEMPTS": "2",
        "HF_XET_CLIENT_RETRY_BASE_DELAY": "1s",
    }
)


@dataclass(frozen=True, slots=True)
class HubPlace:
    """What the talk with the Hub follows from."""

    endpoint: str
    """Its address, without a slash at the end."""
    cache: Path
    """Where its files are kept, shared with other programs."""
    offline: bool
    """She wants no connection."""
    has_token: bool
    """Whether a token would be sent."""
    environment: Mapping[str, str] = field(repr=False)
    """Of the process that talks; may hold the token."""
    hashes: Path | None = None
    """The JSON file that `fingerprint` keeps hashes in; None: there is none."""
    talks: Talks = field(default_factory=Talks, repr=False, compare=False)
    """Those that go on with it."""


def hub_place(
    environment: Mapping[str, str],
    home: Path,
    platform: str,
    *,
    xet: bool = True,
    hashes: Path | None = None,
) -> HubPlace:
    """The Hub as this machine sees it.

    Args:
        environment: as `os.environ`.
        home: her home folder.
        platform: as `sys.platform`.
        xet: whether files may come by Hugging Face's Xet; False: by plain HTTP only.
        hashes: see `HubPlace.hashes`.
    """
    cache = hugging_face_caches(Machine(environment, home, platform))[0]
    switches = {**_SWITCHES, "HF_HUB_CACHE": str(cache)}
    if not xet:
        switches["HF_HUB_DISABLE_XET"] = "1"
    endpoint = environment.get("HF_ENDPOINT", "").strip().rstrip("/")
    if not endpoint:
        switches["HF_ENDPOINT"] = HUB  # the library takes an empty one for an address
    return HubPlace(
        endpoint=endpoint or HUB,
        cache=cache,
        offline=any(
            _is_true(environment, name) for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
        ),
        has_token=_has_token(environment, cache),
        environment=MappingProxyType({**environment, **switches}),
        hashes=hashes,
    )


def _has_token(environment: Mapping[str, str], cache: Path) -> bool:
    if any(environment.get(name, "").strip() for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")):
        return True
    if _is_true(environment, "HF_HUB_DISABLE_IMPLICIT_TOKEN"):
        return False
    home = environment.get("HF_HOME", "").strip()
    place = environment.get("HF_TOKEN_PATH", "").strip()
    file = as_typed(place or (Path(home) if home else cache.parent) / "token")
    try:
        return bool(file.read_text(encoding="utf-8", errors="replace").strip())
    except (OSError, ValueError):
        return False


def _is_true(environment: Mapping[str, str], name: str) -> bool:
    return environment.get(name, "").upper() in _TRUE
