"""Where storytui keeps what is not a story: settings, logs, the sample; by each system's custom."""

import os
from pathlib import Path

from platformdirs import user_config_path, user_data_path, user_log_path, user_state_path

_NAME = "storytui"


def as_typed(path: str | Path) -> Path:
    """A path that someone typed: `~` is the writer's own folder, `~name` another's.

    Where there is nobody of that name, it is taken as it stands.

    >>> as_typed("~nobody-of-that-name/book.md").as_posix()
    '~nobody-of-that-name/book.md'
    """
    return Path(os.path.expanduser(path))


def settings_file() -> Path:
    """The settings file; nothing is created."""
    return user_config_path(_NAME, appauthor=False) / "settings.toml"


def data_folder() -> Path:
    """Where things for the writer are put; created where it is missing."""
    return user_data_path(_NAME, appauthor=False, ensure_exists=True)


def state_folder() -> Path:
    """Where the program remembers things between runs; created where it is missing."""
    return user_state_path(_NAME, appauthor=False, ensure_exists=True)


def manuscripts_folder() -> Path:
    """Where every manuscript has a folder of its own; nothing is created."""
    return user_data_path(_NAME, appauthor=False) / "manuscripts"


def trained_models() -> Path:
    """Where the models are that were trained on this machine; nothing is created."""
    return user_data_path(_NAME, appauthor=False) / "models" / "trained"


def remembered(name: str) -> Path | None:
    """A file of what can be found out again, by its name; None where nothing can be kept."""
    try:
        return state_folder() / name
    except OSError:
        return None


def models_checked() -> Path | None:
    """The file that remembers which models were found to be in order, until they change."""
    return remembered("models.json")


def model_hashes() -> Path | None:
    """The file that remembers what models hash to, so that none is read twice for that."""
    return remembered("model-hashes.json")


def places() -> dict[str, Path]:
    """Every folder that things are kept in, by what they are; nothing is created."""
    return {
        "settings": user_config_path(_NAME, appauthor=False),
        "versions, takes and journals": user_data_path(_NAME, appauthor=False),
        "what the program remembers": user_state_path(_NAME, appauthor=False),
        "the log": user_log_path(_NAME, appauthor=False),
    }


def engine_log() -> Path | None:
    """The file that takes what the model's process prints; its folder is created.

    None where it cannot be: the model works without a log.
    """
    try:
        return user_log_path(_NAME, appauthor=False, ensure_exists=True) / "engine.log"
    except OSError:
        return None
