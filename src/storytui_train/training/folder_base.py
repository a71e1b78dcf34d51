"""The weights of a Hugging Face model, from a folder or a repository, one tensor at a time."""

import json
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from storytui.story.visible import visible
from storytui_train.errors import BaseModelError

if TYPE_CHECKING:
    from transformers import PretrainedConfig

TRAINABLE = ("llama", "mistral", "qwen2", "qwen3", "gemma2", "gemma3_text")
"""transformers' model types that can be trained; of gemma3 the part that reads text."""

CONFIG, ONE, INDEX = "config.json", "model.safetensors", "model.safetensors.index.json"
_TEXT_PARTS = (
    # gemma3 with eyes: names of its text model, older and newer.
    ("language_model.model.", "model."),
    ("model.language_model.", "model."),
    ("language_model.lm_head.", "lm_head."),
)
_EYES = ("vision_tower.", "model.vision_tower.", "multi_modal_projector.", "model.multi_modal_")
_MOST_ERROR = 300


class FolderWeights:
    """A folder with config.json and safetensors as a source of weights."""

    def __init__(self, folder: Path, named: str = "") -> None:
        """Look into the configuration.

        Args:
            folder: with all of the model's files.
            named: what the model is called in messages; empty: its path.

        Raises:
            BaseModelError: something is missing, or it is no model that can be trained.
        """
        self.named = visible(named or str(folder), newlines=False)
        self.folder = folder
        self.config = self._config()
        self.files = self._files()
        self._digests: dict[str, bytes] = {}

    @property
    def architecture(self) -> str:
        """transformers' model type."""
        return str(self.config.model_type)

    def rope_factors(self) -> None:
        """None: what the positions need stands in the configuration."""

    def read(self, names: Iterable[str], dtype: torch.dtype) -> Iterator[tuple[str, Tensor]]:
        """The tensors of these names, each as it is read.

        Args:
            names: of the parameters in transformers.
            dtype: of the tensors.

        Raises:
            BaseModelError: a file is damaged, or holds tensors that the model has no place for.
        """
        from safetensors import SafetensorError, safe_open

        wanted = set(names)
        for path in self.files:
            try:
                with safe_open(path, framework="pt", device="cpu") as file:
                    for name in file.keys():  # noqa: SIM118
                        own = text_name(name)
                        if name.startswith(_EYES) or name.endswith("rotary_emb.inv_freq"):
                            continue
                        if own not in wanted:
                            raise BaseModelError(
                                f"The base {self.named} holds the tensor "
                                f"{visible(name, newlines=False)[:_MOST_ERROR]}, which a model of "
                                f"the type {self.architecture} has no place for."
                            )
                        tensor = file.get_tensor(name)
                        self._note(own, tensor)
                        yield own, tensor.to(dtype)
            except (OSError, SafetensorError) as error:
                raise self._refuse(
                    f"cannot be read: {path.name}: {error}. Get the file again."
                ) from error

    def fingerprint(self) -> str:
        """The sha256 of all weights as they were read, by name."""
        whole = sha256()
        for name, digest in sorted(self._digests.items()):
            whole.update(name.encode() + b"\0" + digest)
        return whole.hexdigest()

    def _note(self, name: str, tensor: Tensor) -> None:
        digest = sha256(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
        self._digests[name] = digest.digest()

    def _refuse(self, why: str) -> BaseModelError:
        return BaseModelError(f"The base {self.named} {visible(why, newlines=False)}")

    def _config(self) -> "PretrainedConfig":
        from transformers import AutoConfig

        said = self._json(CONFIG)
        kind = said.get("model_type")
        text = said.get("text_config") if kind == "gemma3" else None
        if kind not in TRAINABLE and not isinstance(text, dict):
            known = ", ".join(TRAINABLE)
            raise self._refuse(
                f"is a model of the type {kind}, which cannot be trained here. These can: {known}."
            )
        if said.get("quantization_config"):
            raise self._refuse(
                "is quantised already. Name the model that it was made of: it is quantised here."
            )
        try:
            config: PretrainedConfig = AutoConfig.from_pretrained(self.folder)
        except Exception as error:
            # It is held to types by a library of its own, whose errors are of no common family.
            raise self._refuse(
                f"has a configuration that cannot be read: {str(error)[:_MOST_ERROR]}"
            ) from error
        config = config.get_text_config()
        if getattr(config, "use_bidirectional_attention", False):
            raise self._refuse("reads texts in both directions and writes none.")
        return config

    def _json(self, name: str) -> dict[str, Any]:
        try:
            said = json.loads((self.folder / name).read_bytes())
        except FileNotFoundError:
            raise self._refuse(f"has no {name}. Name a folder that a model was saved to.") from None
        except (OSError, ValueError) as error:
            raise self._refuse(f"has a {name} that cannot be read: {error}.") from error
        if not isinstance(said, dict):
            raise self._refuse(f"has a {name} that says nothing.")
        return said

    def _files(self) -> list[Path]:
        if (self.folder / INDEX).is_file():
            names = self._json(INDEX).get("weight_map")
            values = set(names.values()) if isinstance(names, dict) else set()
            if not values or not all(isinstance(each, str) and _plain(each) for each in values):
                raise self._refuse(f"has a {INDEX} that names no files.")
            files = [self.folder / each for each in sorted(values)]
        else:
            files = [self.folder / ONE]
        missing = [each.name for each in files if not each.is_file()]
        if missing:
            raise self._refuse(
                f"has no {missing[0]}. Weights are read from safetensors alone; get all files."
            )
        return files


def from_hub(repository: str, revision: str = "") -> FolderWeights:
    """The weights of a repository of the Hub, fetched where they are not here already.

    Args:
        repository: owner/name.
        revision: a branch, a tag or a commit; empty: the main branch.

    Raises:
        BaseModelError: it cannot be had, or is no model that can be trained.
    """
    from transformers.utils.hub import cached_file, get_checkpoint_shard_files

    named = visible(repository, newlines=False)

    def get(name: str, *, needed: bool = True) -> str | None:
        found: str | None = cached_file(
            repository,
            name,
            revision=revision or None,
            _raise_exceptions_for_missing_entries=needed,
        )
        return found

    try:
        config = get(CONFIG)
        assert config is not None
        index = get(INDEX, needed=False)
        if index is None:
            get(ONE)
        else:
            get_checkpoint_shard_files(  # type: ignore[no-untyped-call]
                repository, index, revision=revision or None
            )
    except (OSError, ValueError) as error:
        reason = visible(str(error).splitlines()[0][:_MOST_ERROR], newlines=False)
        raise BaseModelError(
            f"The base {named} cannot be had from the Hub: {reason} Check its name, the network "
            "and, for a model that asks for consent, your token."
        ) from error
    return FolderWeights(Path(config).parent, named)


def _plain(name: str) -> bool:
    return name.endswith(".safetensors") and "/" not in name and "\\" not in name


def text_name(name: str) -> str:
    """A tensor's name in the model that reads text, where the checkpoint holds eyes as well."""
    for theirs, ours in _TEXT_PARTS:
        if name.startswith(theirs):
            return ours + name.removeprefix(theirs)
    return name
