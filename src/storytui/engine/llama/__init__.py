"""llama.cpp through llama-cpp-python's low-level API; nothing else imports llama_cpp.

Runs in the child process only. llama-cpp-python's high-level `Llama` class is not used: it cannot
take a prompt in parts, nor stop in the middle of one, and its loop ran at half the speed.
"""

from storytui.engine.llama.model import LlamaModel
from storytui.engine.llama.sampler import LlamaSampler
from storytui.engine.llama.vocabulary import LlamaControlToken, LlamaVocabulary, frame_of

__all__ = [
    "LlamaControlToken",
    "LlamaModel",
    "LlamaSampler",
    "LlamaVocabulary",
    "frame_of",
]
