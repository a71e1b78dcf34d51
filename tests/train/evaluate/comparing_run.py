"""`compare` with two scripted models, in a process of its own: python comparing_run.py ROWS OUT."""

import sys
from pathlib import Path

from scripted_models import Model, Opened, contestant

from storytui_train.evaluate import blind

models = Opened(one=Model(answer="\n\nShe waited."), two=Model(answer="\n\nShe went."))
# Their files are not looked for: there are none.
blind.contestants = lambda wanted, format: [contestant(each) for each in wanted]  # type: ignore[assignment]
found = blind.compare(
    *(Path(sys.argv[1]), ["one", "two"], Path(sys.argv[2])), rows=2, words=20, open_engine=models
)
print("\n".join(blind.lines(found)) or "KEPT", flush=True)
