"""Runs of one recipe with different executors."""

from pathlib import Path

from storytui_train import cli

STAGES = ("clean", "choose", "chunk", "split")


def with_executor(recipe: Path, name: str, **changes: str | int) -> Path:
    """The same recipe for another executor, beside it."""
    lines = "".join(f"{key} = {value!r}\n".replace("'", '"') for key, value in changes.items())
    path = recipe.with_name(f"{name}.toml")
    text = recipe.read_text().replace("workers = 1\n", f'executor = "{name}"\nworkers = 2\n{lines}')
    path.write_text(text, encoding="utf-8")
    return path


def prepared(recipe: Path) -> int:
    """Run a recipe up to its rows; the exit status."""
    return cli.main(["run", str(recipe), "--until", "split"])


def made_by(recipe: Path) -> dict[str, bytes]:
    """The output of the stages and what they left out, by file."""
    work = recipe.with_suffix("")
    return {
        path.relative_to(work).as_posix(): path.read_bytes()
        for stage in STAGES
        for path in [*sorted((work / stage / "parts").glob("*")), work / stage / "refused.jsonl"]
    }
