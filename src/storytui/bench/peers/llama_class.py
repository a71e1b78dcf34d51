"""llama-cpp-python's high-level `Llama` class, as its own documentation uses it.

Runs as `python -m storytui.bench.peers.llama_class`; each line asks with `tokens`, the prompt.
"""

import time
from typing import Any

import llama_cpp

from storytui.bench.peers.listening import Answer, listen


class _Counting(llama_cpp.Llama):
    """Counts the tokens it evaluates."""

    evaluated = 0

    def eval(self, tokens: Any) -> None:
        """Evaluate, and count."""
        self.evaluated += len(tokens)
        super().eval(tokens)


def _open(asked: dict[str, Any]) -> Answer:
    model = _Counting(
        model_path=asked["model"],
        n_ctx=asked["context"],
        n_threads=asked["threads"],
        n_threads_batch=asked["threads"],
        n_gpu_layers=asked["gpu_layers"],
        verbose=False,
    )

    def answer(asked: dict[str, Any]) -> dict[str, Any]:
        model.evaluated = 0
        began = time.perf_counter()
        stream = model.create_completion(
            asked["tokens"], max_tokens=2, temperature=0.0, stream=True
        )
        next(iter(stream))
        first = time.perf_counter() - began
        # The token that was drawn is evaluated with the next one: it is none of the prompt's.
        evaluated = model.evaluated
        for _ in stream:
            pass
        return {"first_token_ms": first * 1000, "evaluated_tokens": evaluated}

    # What is evaluated first pays for pages and buffers that the others have by then.
    answer({"tokens": list(range(300, 332))})
    model.reset()  # type: ignore[no-untyped-call]
    return answer


if __name__ == "__main__":
    listen(_open)
