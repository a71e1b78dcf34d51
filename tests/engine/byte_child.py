"""The real worker round a model of bytes.

python byte_child.py plain    writes a short reply, again and again
python byte_child.py slow     evaluates nothing before a sign of life was sent
python byte_child.py faulty   fails on the first batch, with the prompt in its error
"""

import sys
import threading
from collections.abc import Callable, Sequence

from byte_model import ByteModel, draws
from faulty_child import INFO

from storytui.engine import worker
from storytui.engine.devices import DeviceReport
from storytui.engine.messages import Alive, Channel, FromChild, ModelConfig, ToChild


class ChildsModel(ByteModel):
    info = INFO

    def __init__(self, kind: str) -> None:
        super().__init__((draws("He waits.") + draws("She came in.")) * 20)
        self.kind = kind
        self.beaten = threading.Event()

    def evaluate(self, tokens: Sequence[int], position: int, sequence: int = 0) -> None:
        if self.kind == "slow":
            self.beaten.wait()
        super().evaluate(tokens, position, sequence)
        if self.kind == "faulty":
            raise LookupError(self.seen)


def main(kind: str) -> None:
    model = ChildsModel(kind)
    send = Channel.send

    def sending(channel: Channel, message: ToChild | FromChild) -> None:
        send(channel, message)
        if isinstance(message, Alive):
            model.beaten.set()

    Channel.send = sending  # type: ignore[method-assign]
    worker.BEAT_SECONDS = 0.01

    def open_model(_config: ModelConfig, on_progress: Callable[[float], None]) -> ChildsModel:
        on_progress(1.0)
        return model

    worker.main(open_model, DeviceReport)  # type: ignore[arg-type]


if __name__ == "__main__":
    main(sys.argv[1])
