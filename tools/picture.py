"""Make the README's picture: the real editor, the sample story, the built-in model.

    python tools/picture.py assets/screen.svg [SEED]

Writes an SVG; `rsvg-convert -w 1600 assets/screen.svg -o assets/screen.png` makes the PNG of it.
"""

import asyncio
import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from msgspec import structs

from storytui.app.app import build_app
from storytui.commands.choices import model_config
from storytui.engine.process import ProcessEngine
from storytui.manuscript.file import StoryFile
from storytui.manuscript.opening import Opened
from storytui.samples import SAMPLE
from storytui.settings import Settings


@dataclass
class Picture:
    """Where the picture goes, and which take is on it."""

    path: Path
    seed: int


async def take(picture: Picture) -> None:
    """Open the sample, go on, accept two sentences, and draw the screen."""
    settings = Settings()
    settings = structs.replace(
        settings,
        sampling=structs.replace(settings.sampling, seed=picture.seed),
        continuing=structs.replace(settings.continuing, words=80, reasoning_tokens=100),
    )
    text = files("storytui.samples").joinpath(SAMPLE).read_text(encoding="utf-8")
    story = StoryFile(Path(SAMPLE), text)
    app = build_app(
        settings=settings,
        opened=Opened(story),
        engine_factory=lambda: ProcessEngine(model_config(settings)),
    )
    async with app.run_test(size=(120, 42)) as pilot:
        status = app.writing.status
        for key in ("ctrl+g", "tab", "tab"):
            while "ready" not in status.engine:
                await asyncio.sleep(0.1)
                await pilot.pause()
            await pilot.press(key)
            await pilot.pause()
        app.save_screenshot(str(picture.path.name), path=str(picture.path.parent))


if __name__ == "__main__":
    asyncio.run(take(Picture(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1)))
