"""Slurm's commands on this machine: enough of them to run the arrays of datatrove's jobs.

Called as `sbatch`, `squeue`, `scancel`, `scontrol` or `srun`. `SLURM_STAND_IN` names the folder
where jobs are kept: of each a folder with `pid` while it lives, and what it was given.
"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

JOBS = Path(os.environ.get("SLURM_STAND_IN", "."))
AT_ONCE = 2


def sbatch(argv: list[str]) -> int:
    """Take a job: check what sbatch checks, start its array, tell its number."""
    script = Path(argv[-1]).read_text()
    options = dict(re.findall(r"^#SBATCH --([\w-]+)(?:=(.*))?$", script, re.MULTILINE))
    for name in ("partition", "qos", "mail-user"):
        if options.get(name) == "":
            print(f"sbatch: option '--{name}' requires an argument", file=sys.stderr)
            return 1
    if options.get("partition") == "nowhere":
        print("sbatch: error: invalid partition specified: nowhere", file=sys.stderr)
        return 1
    number = len(list(JOBS.glob("*.job"))) + 17
    folder = JOBS / f"{number}.job"
    folder.mkdir()
    (folder / "script").write_text(script)
    (folder / "argv").write_text("\n".join(argv))
    job = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("slurm_stand_in.py")), "run", str(number)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    (folder / "pid").write_text(str(job.pid))
    print(f"Submitted batch job {number}")
    return 0


def run(argv: list[str]) -> int:
    """Run a job's array, two tasks at a time."""
    number = argv[0]
    folder = JOBS / f"{number}.job"
    script = (folder / "script").read_text()
    found = re.search(r"^#SBATCH --array=0-(\d+)", script, re.MULTILINE)
    assert found is not None
    told = re.search(r"RUN_OFFSET=(\d+)", (folder / "argv").read_text())
    waiting, running = list(range(int(found[1]) + 1)), []
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            task = str(waiting.pop(0))
            output = (folder / f"{task}.out").open("wb")
            running.append(
                subprocess.Popen(
                    ["bash", str(folder / "script")],
                    stdout=output,
                    stderr=output,
                    env={
                        **os.environ,
                        "SLURM_ARRAY_TASK_ID": task,
                        "SLURM_JOB_ID": number,
                        "SLURM_NODELIST": "node1",
                        "RUN_OFFSET": told[1] if told else "0",
                    },
                )
            )
        running.pop(0).wait()
    (folder / "pid").unlink()
    return 0


def squeue(argv: list[str]) -> int:
    """A line for a job that is not over; an error for one that was never taken."""
    folder = JOBS / f"{argv[-1]}.job"
    if not folder.exists():
        print("slurm_load_jobs error: Invalid job id specified", file=sys.stderr)
        return 1
    if lives(folder / "pid"):
        print(f"{argv[-1]}_[0-9] normal storytui R 0:01 1 node1")
    return 0


def lives(path: Path) -> bool:
    """Whether the process lives whose number is in a file."""
    try:
        os.kill(int(path.read_text()), 0)
    except (OSError, ValueError):
        return False
    return True


def scancel(argv: list[str]) -> int:
    """End a job and all that it has started."""
    path = JOBS / f"{argv[-1]}.job" / "pid"
    if path.exists():
        os.killpg(int(path.read_text()), signal.SIGKILL)
        path.unlink()
    (JOBS / f"{argv[-1]}.job" / "cancelled").touch()
    return 0


def scontrol(argv: list[str]) -> int:
    """`scontrol show hostnames LIST`."""
    print(argv[-1])
    return 0


def srun(argv: list[str]) -> int:
    """`srun -l -n 1 COMMAND…`."""
    return subprocess.run(argv[argv.index("-n") + 2 :], check=False).returncode


if __name__ == "__main__":
    name, rest = Path(sys.argv[0]).name, sys.argv[1:]
    if name == "slurm_stand_in.py":
        name, rest = rest[0], rest[1:]
    sys.exit(globals()[name](rest))
