"""Install storytui into a virtual environment, and say what is going on meanwhile.

    python3 tools/install.py FOLDER EXTRA...

Runs before anything is installed and on any Python 3, so that it can say which one is needed.
"""

import os
import shutil
import subprocess
import sys
import threading
import time

OLDEST = (3, 11)
# Leaves out what llama.cpp needs for pictures only: the build takes a third of the time.
CMAKE_ARGS = "-DLLAVA_BUILD=OFF"
SECONDS_BETWEEN_LINES = 5
LINES_AFTER_FAILURE = 25


def main():
    folder, extras = sys.argv[1], sys.argv[2:]
    missing = what_is_missing(folder)
    if missing:
        sys.exit(missing)
    python = os.path.join(folder, "Scripts" if os.name == "nt" else "bin", "python")
    if not os.path.exists(python):
        print("Making the virtual environment {}".format(folder), flush=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    log = os.path.join(folder, "install.log")
    command = [
        python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input",
        "--progress-bar", "off", "--constraint", "constraints.txt",
        "--editable", ".[{}]".format(",".join(extras)),
    ]  # fmt: skip
    if not run_and_report(command, log):
        with open(log, encoding="utf-8", errors="replace") as lines:
            sys.stderr.write("".join(lines.readlines()[-LINES_AFTER_FAILURE:]))
        sys.exit("The installation failed; the last lines are above, all of them in " + log)
    # As pip does for what is not editable: the first start shall be as quick as the second.
    subprocess.run([python, "-m", "compileall", "-q", "src"], check=False)


def what_is_missing(folder):
    """One sentence about what has to be there first; None where everything is."""
    if sys.version_info < OLDEST:
        return (
            "storytui needs Python 3.11 or newer, and {} is {}.{}: name a newer one with PYTHON=…"
        ).format(sys.executable, *sys.version_info[:2])
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        return (
            "This Python cannot make virtual environments: install its venv package "
            "(on Debian and Ubuntu: apt install python3-venv)."
        )
    if not has_compiler() and not has_llama(folder):
        return (
            "storytui builds llama.cpp, and no C++ compiler is here: install one "
            "(Debian and Ubuntu: apt install build-essential; Fedora: dnf install gcc-c++; "
            "macOS: xcode-select --install)."
        )
    return None


def has_compiler():
    named = [os.environ[each].split()[0] for each in ("CC", "CXX") if os.environ.get(each)]
    if named and not all(shutil.which(each) for each in named):
        return False
    c = os.environ.get("CC") or any(map(shutil.which, ("cc", "gcc", "clang", "cl")))
    cxx = os.environ.get("CXX") or any(map(shutil.which, ("c++", "g++", "clang++", "cl")))
    return bool(c and cxx)


def has_llama(folder):
    """Whether llama.cpp is built there already."""
    for path, _folders, files in os.walk(os.path.join(folder, "lib")):
        if os.path.basename(path) == "llama_cpp" and "llama_cpp.py" in files:
            return True
    return False


def run_and_report(command, log):
    """Run pip with its output in `log`; every few seconds a line says what it does."""
    environment = dict(os.environ)
    environment["CMAKE_ARGS"] = (CMAKE_ARGS + " " + environment.get("CMAKE_ARGS", "")).strip()
    state = {"doing": "looking for packages"}
    began = time.monotonic()
    with open(log, "wb") as file:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment
        )
        reader = threading.Thread(target=follow, args=(process.stdout, file, state), daemon=True)
        reader.start()
        try:
            while True:
                try:
                    status = process.wait(timeout=SECONDS_BETWEEN_LINES)
                    break
                except subprocess.TimeoutExpired:
                    say(time.monotonic() - began, state["doing"])
        except KeyboardInterrupt:
            process.terminate()
            process.wait()
            sys.exit("Stopped; make goes on from here the next time.")
        reader.join()
    if status == 0:
        say(time.monotonic() - began, "installed")
    return status == 0


def follow(lines, log, state):
    for line in lines:
        log.write(line)
        log.flush()
        text = line.decode("utf-8", "replace").strip()
        doing = meaning(text)
        if doing:
            state["doing"] = doing


def meaning(line):
    """What a line of pip's says it does, for a reader; None for lines that say nothing new."""
    words = line.split()
    if len(words) < 2:
        return None
    if line.startswith("Building wheel for llama"):
        return "building llama.cpp, about 4 minutes on two cores and only once"
    if words[0] == "Building":
        return "building packages"
    if words[0] in ("Downloading", "Using"):
        return "fetching " + os.path.basename(words[1] if words[0] == "Downloading" else words[-2])
    if words[0] in ("Collecting", "Preparing"):
        return "looking for packages"
    if words[0] == "Installing" and words[1] == "collected":
        return "putting everything in its place"
    return None


def say(seconds, doing):
    print("{:3d}:{:02d}  {}".format(int(seconds) // 60, int(seconds) % 60, doing), flush=True)


if __name__ == "__main__":
    main()
