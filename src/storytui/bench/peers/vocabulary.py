"""The model's tokenizer alone: prompts become the token numbers that every peer is given.

Runs as `python -m storytui.bench.peers.vocabulary`; each line asks with `parts`, a list of texts,
each with whether it is a control token.
"""

import ctypes
from typing import Any

import llama_cpp

from storytui.bench.peers.listening import Answer, listen


@llama_cpp.llama_log_callback  # type: ignore[untyped-decorator]
def _quiet(_level: int, _text: bytes, _data: Any) -> None:
    pass


def _open(asked: dict[str, Any]) -> Answer:
    llama_cpp.llama_log_set(_quiet, ctypes.c_void_p())
    llama_cpp.llama_backend_init()
    parameters = llama_cpp.llama_model_default_params()
    parameters.vocab_only = True
    parameters.n_gpu_layers = 0
    model = llama_cpp.llama_model_load_from_file(asked["model"].encode(), parameters)
    vocab = llama_cpp.llama_model_get_vocab(model)

    def tokens(text: str, control: bool) -> list[int]:
        raw = text.encode()
        room = len(raw) + 8
        buffer = (llama_cpp.llama_token * room)()
        count = llama_cpp.llama_tokenize(vocab, raw, len(raw), buffer, room, False, control)
        return list(buffer[:count])

    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        found: list[int] = []
        for text, control in asked["parts"]:
            found.extend(tokens(text, control))
        if llama_cpp.llama_vocab_get_add_bos(vocab):
            first = llama_cpp.llama_vocab_bos(vocab)
            if found[:1] != [first]:
                found.insert(0, first)
        return {"tokens": found}

    return answer


if __name__ == "__main__":
    listen(_open)
