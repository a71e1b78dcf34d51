"""Models that were trained here on private texts, found by name and by the hashes of files."""

from collections.abc import Collection, Sequence
from pathlib import Path

from storytui.models.trained import own_file, trained_models
from storytui.story.visible import visible
from storytui_train.data.teacher.engines import model_fingerprint
from storytui_train.errors import TeacherError


class PrivateModels:
    """The models in the editor's list that are not to leave this machine."""

    def __init__(self, own: Collection[str] = ()) -> None:
        """Look at the list.

        Args:
            own: SHA-256 of files that are asked about themselves, and not meant.
        """
        self._by_hash: dict[str, str] = {}
        """Their names."""
        for model in trained_models():
            digest = _hash_of(own_file(model)) if model.private else ""
            if digest and digest not in own:
                self._by_hash[digest] = visible(model.name, newlines=False)

    def among(self, identities: Sequence[str]) -> tuple[str, ...]:
        """The names of those that are told by their identities.

        Args:
            identities: each holds the SHA-256 of a model's file, and those of its adapters.
        """
        pairs = self._by_hash.items()
        found = (name for digest, name in pairs if any(digest in each for each in identities))
        return tuple(dict.fromkeys(found))

    def named(self, models: Sequence[str], folder: Path) -> tuple[str, ...]:
        """The names of those that a recipe names, by name or by path.

        Args:
            models: as the recipe names them.
            folder: what paths there are relative to.
        """
        if not self._by_hash:
            return ()
        wanted = [each.strip() for each in models if each.strip()]
        names = {each.casefold() for each in wanted}
        files = [path for each in wanted if (path := folder / each).is_file()]
        found = [each for each in self._by_hash.values() if each.casefold() in names]
        return tuple(dict.fromkeys((*found, *self.among([_hash_of(each) for each in files]))))


def _hash_of(path: Path) -> str:
    """The SHA-256 of a file; empty where it cannot be read."""
    try:
        return model_fingerprint(path)
    except TeacherError:
        return ""
