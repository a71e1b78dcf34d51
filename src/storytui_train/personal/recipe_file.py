"""The recipe of a model of her own in its file, and what it was written for.

recipe.toml      what is done: `storytui-train run` does it again
recipe.sha256    hashes of it as it was written here, before it was: another one is changed by hand
personal.json    the wishes that the recipe was written for; written last: the same wishes go on
                 with the recipe that is there, however it was changed by hand
"""

from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import msgspec

from storytui.story.visible import visible
from storytui_train.data.pipeline.record import sha256_of, write_atomically
from storytui_train.errors import TrainError
from storytui_train.personal.deciding import Wishes, changed
from storytui_train.recipe import Recipe, load

RECIPE, WRITTEN, KEPT, BEFORE = "recipe.toml", "recipe.sha256", "personal.json", "recipe-before"
HEAD = """\
# Written by storytui-train personal. What is not here has its default; `storytui-train init` shows
# everything. To do all of it again, or what you changed: storytui-train run {path}

"""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What the recipe that is there was written for."""

    wishes: Wishes
    recipe: str
    """SHA-256 of the recipe as it was then."""


class RecipeFile:
    """The recipe in a working folder."""

    def __init__(self, folder: Path, told: Callable[[str], None]) -> None:
        """Look at nothing yet.

        Args:
            folder: the working folder.
            told: gets lines for the user.
        """
        self.path = folder / RECIPE
        self._told = told

    @property
    def wishes(self) -> Wishes | None:
        """Those that the recipe that is there was written for; None: it is not decided on."""
        kept = self._kept()
        return kept.wishes if kept is not None and self.path.is_file() else None

    @property
    def is_hers(self) -> bool:
        """Whether a recipe is there that was changed by hand."""
        if not self.path.is_file():
            return False
        kept = self._kept()
        return sha256_of(self.path) not in (*self._written(), kept.recipe if kept else "")

    def write(self, recipe: Recipe) -> Recipe:
        """Put a recipe there, which nobody has decided on; one that was changed by hand is put
        aside.

        Returns:
            It as it is read from there.

        Raises:
            TrainError: it cannot be written.
        """
        import tomli_w

        path = self.path
        text = HEAD.format(path=path) + tomli_w.dumps(changed(recipe), multiline_strings=False)
        data = text.encode()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._put_aside()
            hashes = [sha256(data).hexdigest()]
            if path.is_file():
                # That one is there until the new one is.
                hashes.append(sha256_of(path))
            write_atomically(path.with_name(WRITTEN), "\n".join(hashes).encode() + b"\n")
            path.with_name(KEPT).unlink(missing_ok=True)
            write_atomically(path, data)
        except OSError as error:
            raise TrainError(
                f"The recipe {visible(str(path), newlines=False)} cannot be written: "
                f"{error.strerror or error}."
            ) from error
        return load(path)

    def keep(self, wishes: Wishes) -> None:
        """Note that the recipe that is there is decided on.

        Raises:
            TrainError: that cannot be written.
        """
        try:
            kept = Kept(wishes=wishes, recipe=sha256_of(self.path))
            write_atomically(self.path.with_name(KEPT), msgspec.json.encode(kept) + b"\n")
        except OSError as error:
            raise TrainError(
                f"Nothing can be written in {visible(str(self.path.parent), newlines=False)}: "
                f"{error.strerror or error}."
            ) from error

    def _put_aside(self) -> None:
        """Keep a recipe that was changed by hand under another name, which no other one has."""
        if not self.is_hers:
            return
        number, other = 1, self.path.with_name(f"{BEFORE}.toml")
        while other.exists():
            number += 1
            other = self.path.with_name(f"{BEFORE}-{number}.toml")
        self.path.rename(other)
        shown = visible(str(other), newlines=False)
        self._told(
            f"The recipe that you changed is kept as {shown}; to do what it says: storytui-train "
            f"run {shown}"
        )

    def _written(self) -> list[str]:
        with suppress(OSError, UnicodeDecodeError):
            return self.path.with_name(WRITTEN).read_text("ascii").split()
        return []

    def _kept(self) -> Kept | None:
        with suppress(OSError, msgspec.MsgspecError, UnicodeDecodeError):
            return msgspec.json.decode(self.path.with_name(KEPT).read_bytes(), type=Kept)
        return None
