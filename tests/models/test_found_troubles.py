"""What a search for models survives, and what it says of it."""

import os
from pathlib import Path

import pytest
import stores
import tiny_gguf as tiny

from storytui.models.found import MOST_TROUBLES, Found, FoundAdapter, find_models
from storytui.models.walking import Bounds, Scanner, listed

needs_fifo = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")

needs_locks = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is shut to whoever runs this"
)


def find(*folders: Path, bounds: Bounds | None = None, scan: Scanner = listed) -> Found:
    nowhere = folders[0] / "no home" if folders else Path("/no home")
    return find_models(
        {}, nowhere, "linux", folders=folders, root=nowhere, bounds=bounds, scan=scan
    )


def names(found: Found) -> list[str]:
    return [model.name for model in found.models]


def sound(folder: Path) -> None:
    """A model beside what is broken: it must be found all the same."""
    stores.written(folder / "sound.gguf", stores.gguf("Sound"))


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "is not a GGUF file."),
        (b"GG", "is not a GGUF file."),
        (b"<html>404</html>", "is not a GGUF file."),
        (b"version https://git-lfs.github.com/spec/v1\n", "run git lfs pull there."),
        (b"GGUF", "breaks off or is damaged."),
        (stores.gguf()[:60], "breaks off or is damaged."),
        (b"GGUF" + b"\xff" * 100, "breaks off or is damaged."),
        (bytes(tiny.write((), (), version=9).data), "breaks off or is damaged."),
    ],
)
def test_a_broken_file_is_passed_over_and_said(tmp_path: Path, data: bytes, sentence: str) -> None:
    sound(tmp_path)
    stores.written(tmp_path / "broken.gguf", data)

    found = find(tmp_path)

    assert names(found) == ["sound"]
    (trouble,) = found.troubles
    assert trouble.startswith(f"{tmp_path / 'broken.gguf'} ")
    assert trouble.endswith(sentence)


def test_a_link_to_a_blob_that_is_gone_is_said(tmp_path: Path) -> None:
    sound(tmp_path)
    link = stores.in_hub(tmp_path, "a/b", "m.gguf", stores.gguf())
    link.resolve().unlink()

    found = find(tmp_path)

    assert names(found) == ["sound"]
    assert found.troubles == (f"{link} leads to a file that is not there.",)


def test_a_download_that_broke_off_is_no_model(tmp_path: Path) -> None:
    blobs = tmp_path / "models--a--b" / "blobs"
    stores.written(blobs / f"{'0' * 64}.incomplete", stores.gguf()[:30])
    stores.written(tmp_path / "x.gguf.downloadInProgress", stores.gguf())

    assert find(tmp_path) == Found((), (), ())


def test_a_divided_model_with_a_part_missing_is_said(tmp_path: Path) -> None:
    sound(tmp_path)
    for number in (1, 3):
        stores.written(tmp_path / f"m-0000{number}-of-00003.gguf", stores.gguf())

    found = find(tmp_path)

    assert names(found) == ["sound"]
    assert found.troubles == (f"{tmp_path / 'm'} is divided into 3 parts, and part 2 is missing.",)


def test_the_half_that_sees_is_not_listed(tmp_path: Path) -> None:
    sound(tmp_path)
    stores.written(tmp_path / "mmproj-model-f16.gguf", b"whatever it holds")
    stores.written(tmp_path / "vision.gguf", stores.PROJECTOR)

    assert names(find(tmp_path)) == ["sound"]
    assert find(tmp_path).troubles == ()


def test_an_adapter_is_no_model_and_is_told_apart(tmp_path: Path) -> None:
    sound(tmp_path)
    path = stores.written(tmp_path / "winter.gguf", stores.ADAPTER)

    assert names(find(tmp_path)) == ["sound"]
    assert find(tmp_path).adapters == (FoundAdapter("winter", path, "llama"),)


@pytest.mark.parametrize(
    "data",
    [
        stores.gguf(architecture="nomic-bert"),
        stores.gguf(
            architecture="qwen3", more=(tiny.scalar("qwen3.pooling_type", tiny.UINT32, 3),)
        ),
        bytes(tiny.write((tiny.text("general.architecture", "flux"),), ()).data),
        bytes(tiny.write((tiny.text("general.type", "imatrix"),), ()).data),
    ],
    ids=["embedding", "embedding of a writer", "pictures", "importance matrix"],
)
def test_what_cannot_write_is_not_listed(tmp_path: Path, data: bytes) -> None:
    sound(tmp_path)
    stores.written(tmp_path / "other.gguf", data)

    found = find(tmp_path)

    assert names(found) == ["sound"]
    assert found.troubles == ()


def test_a_model_that_pools_nothing_is_a_writer(tmp_path: Path) -> None:
    more = (tiny.scalar("llama.pooling_type", tiny.UINT32, 0),)
    stores.written(tmp_path / "m.gguf", stores.gguf(more=more))

    assert names(find(tmp_path)) == ["m"]


@pytest.mark.parametrize(
    ("manifest", "sentence"),
    [
        (b"", "has a manifest that cannot be read"),
        (b"[]", "has a manifest that cannot be read"),
        (b'{"layers": 7}', "has a manifest that cannot be read"),
        (b"[" * 100_000, "has a manifest that cannot be read"),
        (b'{"config":' + b"[" * 100_000, "has a manifest that cannot be read"),
        (
            b'{"layers":[{"mediaType":"application/vnd.ollama.image.model",'
            b'"digest":"sha256:../../secret"}]}',
            "names a blob that no store has",
        ),
        (
            b'{"layers":[{"mediaType":"application/vnd.ollama.image.model",'
            b'"digest":"sha256:' + b"1" * 64 + b'"}]}',
            "leads to a file that is not there",
        ),
    ],
)
def test_a_broken_manifest_of_ollama_is_said(
    tmp_path: Path, manifest: bytes, sentence: str
) -> None:
    stores.in_ollama(tmp_path, "library/sound:1b", stores.gguf())
    stores.written(tmp_path / "manifests" / "registry.ollama.ai" / "library" / "x" / "1b", manifest)

    found = find(tmp_path)

    assert names(found) == ["sound:1b"]
    (trouble,) = found.troubles
    assert sentence in trouble


def test_a_folder_that_is_not_there_is_said_where_she_named_it(tmp_path: Path) -> None:
    assert find(tmp_path / "gone").troubles == (f"There is no folder {tmp_path / 'gone'}.",)


def test_links_that_lead_in_a_circle_are_walked_once(tmp_path: Path) -> None:
    sound(tmp_path / "a")
    (tmp_path / "a" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "a" / "self").symlink_to(tmp_path / "a" / "self")
    (tmp_path / "a" / "self.gguf").symlink_to(tmp_path / "a" / "self.gguf")

    found = find(tmp_path)

    assert names(found) == ["sound"]
    (trouble,) = found.troubles
    assert trouble.startswith(f"{tmp_path / 'a' / 'self.gguf'} cannot be read: ")


def test_a_folder_that_is_shut_is_said(tmp_path: Path) -> None:
    sound(tmp_path)
    (tmp_path / "shut").mkdir()

    def scan(path: Path, most: int) -> list[Path]:
        if path.name == "shut":
            raise PermissionError(13, "Permission denied")
        return listed(path, most)

    found = find(tmp_path, scan=scan)

    assert names(found) == ["sound"]
    assert found.troubles == (
        f"The folder {tmp_path / 'shut'} cannot be looked into: Permission denied.",
    )


@needs_locks
def test_a_store_that_is_shut_is_said(tmp_path: Path) -> None:
    # As that of Ollama's service, where she is not of its group.
    store = tmp_path / "usr" / "share" / "ollama" / ".ollama" / "models"
    stores.in_ollama(store, "library/x:1b", stores.gguf())
    store.parent.chmod(0)

    found = find_models({}, tmp_path / "home", "linux", root=tmp_path)

    store.parent.chmod(0o700)
    assert found.troubles == (f"{store} may not be looked into; models there are not listed.",)


@needs_locks
def test_a_file_that_may_not_be_read_is_said(tmp_path: Path) -> None:
    sound(tmp_path)
    path = stores.written(tmp_path / "shut.gguf", stores.gguf())
    path.chmod(0)

    found = find(tmp_path)

    assert names(found) == ["sound"]
    assert found.troubles == (f"{path} may not be read.",)


@needs_fifo
def test_a_pipe_with_the_name_of_a_model_holds_nothing_up(tmp_path: Path) -> None:
    sound(tmp_path)
    os.mkfifo(tmp_path / "pipe.gguf")

    found = find(tmp_path)

    assert names(found) == ["sound"]
    assert found.troubles == (f"{tmp_path / 'pipe.gguf'} is not a file.",)


@pytest.mark.parametrize("name", ["a\x1b]52;c;eA==\x07b.gguf", "a\nb.gguf", "txt\u202egguf.gguf"])
def test_a_name_cannot_speak_to_the_terminal(tmp_path: Path, name: str) -> None:
    stores.written(tmp_path / name, stores.gguf())
    stores.written(tmp_path / f"broken {name}", b"")

    found = find(tmp_path)

    (model,) = found.models
    assert model.path.name == name
    for text in (model.name, *found.troubles):
        assert text.isprintable()


@pytest.mark.skipif(os.name != "posix", reason="names are text there")
def test_a_name_that_is_no_text_is_found_all_the_same(tmp_path: Path) -> None:
    stores.written(Path(os.fsdecode(os.fsencode(tmp_path) + b"/a\xff.gguf")), stores.gguf())

    (model,) = find(tmp_path).models

    assert model.name == "a⟨FF⟩"
    assert model.path.is_file()


def test_a_folder_with_the_name_of_a_model_is_a_folder(tmp_path: Path) -> None:
    stores.written(tmp_path / "x.gguf" / "m.gguf", stores.gguf())

    assert names(find(tmp_path)) == ["m"]


def test_how_deep_it_goes_is_bounded_and_said(tmp_path: Path) -> None:
    sound(tmp_path)
    stores.written(tmp_path / "1" / "2" / "near.gguf", stores.gguf("Near"))
    stores.written(tmp_path / "1" / "2" / "3" / "far.gguf", stores.gguf("Far"))

    found = find(tmp_path, bounds=Bounds(depth=2))

    assert names(found) == ["near", "sound"]
    (trouble,) = found.troubles
    assert trouble.startswith(f"The folder {tmp_path / '1' / '2' / '3'} lies 3 folders deep")


def test_how_much_is_looked_at_is_bounded_and_said_with_near_folders_first(tmp_path: Path) -> None:
    sound(tmp_path / "a")
    for number in range(20):
        stores.written(tmp_path / "b" / f"{number}.txt", b"")

    found = find(tmp_path, bounds=Bounds(entries=10))

    assert names(found) == ["sound"]
    (trouble,) = found.troubles
    assert "more than 10 files and folders; not all were looked at" in trouble


def test_what_is_looked_at_is_counted_over_all_folders(tmp_path: Path) -> None:
    for number in range(12):
        stores.written(tmp_path / f"{number % 2}" / f"{number}.txt", b"")

    assert find(tmp_path, bounds=Bounds(entries=14)).troubles == ()
    assert len(find(tmp_path, bounds=Bounds(entries=13)).troubles) == 1


def test_of_a_huge_folder_no_more_is_read_than_is_looked_at(tmp_path: Path) -> None:
    asked: list[int] = []

    def scan(path: Path, most: int) -> list[Path]:
        asked.append(most)
        return [path / f"{number}.txt" for number in range(most)]

    found = find(tmp_path, bounds=Bounds(entries=100), scan=scan)

    assert asked == [101]
    assert len(found.troubles) == 1


@pytest.mark.parametrize("folder", ["datasets--a--b", "spaces--a--b", ".git", "node_modules"])
def test_folders_without_models_are_not_entered(tmp_path: Path, folder: str) -> None:
    sound(tmp_path)
    stores.written(tmp_path / folder / "m.gguf", stores.gguf())

    assert names(find(tmp_path)) == ["sound"]


def test_sentences_are_kept_to_a_number_that_can_be_read(tmp_path: Path) -> None:
    for number in range(MOST_TROUBLES + 7):
        stores.written(tmp_path / f"{number}.gguf", b"")

    troubles = find(tmp_path).troubles

    assert len(troubles) == MOST_TROUBLES + 1
    assert troubles[-1] == "7 more files or folders were passed over."


@pytest.mark.parametrize(
    "note", [b"", b"\n\n", b"\x00", b"\xff\xfe", b"/no/such/folder", b"x" * 5000]
)
def test_lm_studios_notes_may_hold_anything(tmp_path: Path, note: bytes) -> None:
    stores.written(tmp_path / ".lmstudio-home-pointer", note)
    stores.written(tmp_path / ".lmstudio" / "settings.json", note or b'{"downloadsFolder": 7}')
    stores.written(tmp_path / ".lmstudio" / "models" / "a" / "b" / "m.gguf", stores.gguf())

    assert names(find_models({}, tmp_path, "linux", root=tmp_path / "none")) == ["m"]
