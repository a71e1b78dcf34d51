"""Where the Hub is follows from the environment, as it does for the library."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from storytui.models.hub.place import HubPlace, hub_place

HOME = Path("/home/her")


def place(xet: bool = True, **environment: str) -> HubPlace:
    return hub_place(environment, HOME, "linux", xet=xet)


def test_without_a_word_it_is_the_real_one_and_the_usual_cache() -> None:
    found = place()

    assert found.endpoint == "https://huggingface.co"
    assert found.cache == HOME / ".cache" / "huggingface" / "hub"
    assert not found.offline
    assert not found.has_token


def test_address_cache_and_offline_are_heeded() -> None:
    found = place(HF_ENDPOINT="http://mirror:80/", HF_HOME="/data/hf", HF_HUB_OFFLINE="1")

    assert (found.endpoint, found.cache) == ("http://mirror:80", Path("/data/hf/hub"))
    assert found.offline


@pytest.mark.parametrize("name", ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"])
def test_a_token_in_the_environment_is_known_and_never_shown(name: str) -> None:
    found = place(**{name: "hf_abcdef"})

    assert found.has_token
    assert "hf_abcdef" not in repr(found)


def test_a_token_that_was_stored_is_known(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hf_abcdef\n", encoding="utf-8")

    assert place(HF_HOME=str(tmp_path)).has_token
    assert place(HF_TOKEN_PATH=str(tmp_path / "token")).has_token
    assert not place(HF_HOME=str(tmp_path), HF_HUB_DISABLE_IMPLICIT_TOKEN="1").has_token


@pytest.mark.parametrize("xet", [True, False])
def test_the_library_takes_the_switches(xet: bool, tmp_path: Path) -> None:
    environment = {**os.environ, "HF_HOME": str(tmp_path), "HF_ENDPOINT": ""}
    found = hub_place(environment, HOME, sys.platform, xet=xet)
    code = (
        "from huggingface_hub import constants as c\n"
        "print(c.HF_HUB_DISABLE_TELEMETRY, c.HF_HUB_DISABLE_XET, c.HF_HUB_CACHE, c.ENDPOINT)\n"
        "import hf_xet; print(hf_xet.XetConfig().get('telemetry.enabled'))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code],
        env=dict(found.environment),
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()

    assert said == ["True", str(not xet), str(found.cache), "https://huggingface.co", "False"]


def test_her_own_environment_goes_along() -> None:
    found = place(HTTPS_PROXY="http://proxy:3128", HF_HUB_DISABLE_XET="1")

    assert found.environment["HTTPS_PROXY"] == "http://proxy:3128"
    assert found.environment["HF_HUB_DISABLE_XET"] == "1"
