"""Models that were trained here, chosen by name: it is theirs, whatever else has it."""

import os
import tomllib
from collections.abc import Collection
from pathlib import Path

import pytest
import stores
from trained_files import adapter_file, merged_file, told

from storytui.engine.api import ModelError
from storytui.models.adapter_offers import adapter_file as adapter_called
from storytui.models.adapter_offers import adapters_here
from storytui.models.choosing import Chosen, as_setting, choose, resolve
from storytui.models.library import Library, library
from storytui.models.starter import INSTEAD, starter_adapter
from storytui.models.trained import Trained, forget_trained, keep_trained, read_trained


class Searches:
    """Makes the library, and remembers whose folders it was to look into."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.asked: list[Collection[str] | None] = []

    def __call__(self, only: Collection[str] | None) -> Library:
        self.asked.append(only)
        return here(self.home, only)


def here(home: Path, only: Collection[str] | None = None) -> Library:
    return library({}, home, "darwin", trained=read_trained(), only=only)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A model in a program's folder."""
    return merged_file(stores.written(tmp_path / ".lmstudio/models/me/Mine/Tale.gguf", b"x"))


def test_an_adapter_is_a_model_of_its_own_beside_its_base(tmp_path: Path, base: Path) -> None:
    kept = keep_trained(told(base), adapter_file(tmp_path / "a.gguf"))
    found = here(tmp_path)
    mine, tale = found.models
    assert (mine.name, mine.source, mine.path) == ("mine", "trained", base)
    assert mine.size_bytes == os.path.getsize(kept.adapter)
    assert mine.files == (Path(kept.adapter),)
    assert (tale.name, tale.trained) == ("tale", None)
    # A file is itself, whatever was trained over it.
    assert found.model_at(base) is tale
    assert found.model_at(Path(kept.adapter)) is mine
    assert [each.name for each in found.adapters] == ["mine"]


def test_it_is_chosen_without_a_search_and_kept_in_the_settings_by_its_name(
    tmp_path: Path, base: Path
) -> None:
    kept = keep_trained(told(base), adapter_file(tmp_path / "a.gguf"))
    search = Searches(tmp_path)
    for typed in ("mine", " MINE "):
        assert choose(typed, search) == Chosen(
            base, "mine", file_name="Tale.gguf", laid=Path(kept.adapter)
        )
    assert search.asked == [(), ()]
    assert as_setting(here(tmp_path).model("mine")) == "mine"


def test_a_merged_one_is_chosen_by_its_name_and_is_its_own_file(tmp_path: Path) -> None:
    kept = keep_trained(told(), merged_file(tmp_path / "m.gguf"))
    assert choose("mine", Searches(tmp_path)) == Chosen(
        Path(kept.model), "mine", file_name="mine.gguf"
    )
    assert resolve("mine", Searches(tmp_path)) == Path(kept.model)
    assert here(tmp_path).model_at(Path(kept.model)) == here(tmp_path).model("mine")


def test_another_file_of_its_name_gets_another_name(tmp_path: Path, base: Path) -> None:
    merged_file(base.with_name("mine.gguf"))
    assert [each.name for each in here(tmp_path).models] == ["mine", "tale"]
    keep_trained(told(base), adapter_file(tmp_path / "a.gguf"))
    found = here(tmp_path)
    assert [each.name for each in found.models] == ["mine", "mine@lm-studio", "tale"]
    assert found.model("mine").source == "trained"
    assert choose("mine@lm-studio", lambda _only: found).path == base.with_name("mine.gguf")
    forget_trained("mine")
    assert here(tmp_path).model("mine").path == base.with_name("mine.gguf")


def test_one_whose_files_are_gone_stays_listed_and_says_what_is_missing(
    tmp_path: Path, base: Path
) -> None:
    kept = keep_trained(told(base), adapter_file(tmp_path / "a.gguf"))
    base.unlink()
    assert [each.name for each in here(tmp_path).models] == ["mine"]
    with pytest.raises(ModelError, match=r"is an adapter for base, whose file .*Tale\.gguf"):
        choose("mine", Searches(tmp_path))
    os.remove(kept.adapter)
    assert here(tmp_path).models[0].size_bytes == 0
    with pytest.raises(ModelError, match=r"The adapter of the trained model mine is not there"):
        choose("mine", Searches(tmp_path))


def test_where_one_whole_file_is_needed_an_adapter_is_refused(tmp_path: Path, base: Path) -> None:
    keep_trained(told(base), adapter_file(tmp_path / "a.gguf"))
    with pytest.raises(ModelError, match=r"mine is an adapter.* Name its base, .*Tale\.gguf"):
        resolve("mine", Searches(tmp_path))


def test_a_damaged_record_is_one_of_the_librarys_troubles(tmp_path: Path) -> None:
    found = library({}, tmp_path, "darwin", trained=Trained(troubles=("It is damaged.",)))
    assert found.troubles == ("It is damaged.",)


def test_its_adapter_can_be_laid_over_its_base_by_name(tmp_path: Path, base: Path) -> None:
    kept = keep_trained(told(base), adapter_file(tmp_path / "a.gguf"))
    assert adapter_called("Mine", adapters_here) == Path(kept.adapter)
    os.remove(kept.adapter)
    assert adapters_here() == ()


# --- the starter adapter ------------------------------------------------------------------------


def test_the_starter_adapter_can_be_another_file_or_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = adapter_file(tmp_path / "next.gguf")
    monkeypatch.setenv(INSTEAD, str(other))
    assert starter_adapter() == other
    assert [each.name for each in adapters_here()] == ["next"]
    monkeypatch.setenv(INSTEAD, str(tmp_path / "gone.gguf"))
    assert starter_adapter() is None
    monkeypatch.setenv(INSTEAD, "")
    assert starter_adapter() is None


def test_the_starter_adapter_lies_in_the_package_or_in_a_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(INSTEAD)
    module = tmp_path / "src" / "storytui" / "models" / "starter.py"
    monkeypatch.setattr("storytui.models.starter.__file__", str(module))
    assert starter_adapter() is None
    places = [tmp_path / "assets" / "starter", tmp_path / "src" / "storytui" / "starter"]
    for folder in places:
        folder.mkdir(parents=True)
        its = adapter_file(folder / "starter-lora.gguf")
        assert starter_adapter() == its


def test_a_wheel_has_it_where_the_program_looks() -> None:
    root = Path(__file__).parents[2]
    wheel = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]
    assert wheel["targets"]["wheel"]["force-include"] == {"assets/starter": "storytui/starter"}
    # Without the folder no wheel could be built.
    assert (root / "assets" / "starter").is_dir()


def test_what_tests_write_is_bare() -> None:
    assert starter_adapter() is None
