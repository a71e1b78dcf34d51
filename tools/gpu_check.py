"""Check the plan of what fits, and run the bench, on a CUDA GPU: `make gpu-check`, or `python3 tools/gpu_check.py [OPTIONS]`.

    --model FILE      the GGUF model to measure with; without it, the built-in one
    --index ADDRESS   a package index with CUDA wheels of llama-cpp-python; without it, it is built
                      here, which takes a CUDA compiler, a C++ compiler and some minutes
    --folder FOLDER   the virtual environment, kept for the next time (default: .venv-gpu)
    --out FILE        where the figures go (default: gpu-figures.json)
    everything else   goes to `storytui bench`, such as --only first-token or --book FILE

Says in one line what is missing, and ends with status 1. Runs on any Python 3.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys

PACKAGE = "llama-cpp-python>=0.3.30"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model")
    parser.add_argument("--index")
    parser.add_argument("--folder", default=".venv-gpu")
    parser.add_argument("--out", default="gpu-figures.json")
    options, bench = parser.parse_known_args()
    missing = what_is_missing(options)
    if missing:
        sys.exit(missing)
    python = os.path.join(options.folder, "Scripts" if os.name == "nt" else "bin", "python")
    if not os.path.exists(python):
        say("Making the virtual environment {}".format(options.folder))
        run([sys.executable, "-m", "venv", options.folder], "it could not be made")
    if not reaches_a_gpu(python):
        install(python, options.index)
    if not reaches_a_gpu(python):
        sys.exit(
            "The llama-cpp-python in {} reaches no GPU: its wheels must be those for CUDA.".format(
                options.folder
            )
        )
    storytui = [python, "-P", "-m", "storytui.cli"]
    check_the_plan(storytui, options.model)
    command = [*storytui, "bench", "--json", *bench]
    if options.model:
        command += ["--model", options.model]
    say("Measuring")
    figures = subprocess.run(command, stdout=subprocess.PIPE)
    if figures.returncode != 0:
        sys.exit("The bench failed; what it said is above.")
    backend = json.loads(figures.stdout).get("model", {}).get("backend")
    with open(options.out, "wb") as file:
        file.write(figures.stdout)
    subprocess.run([*storytui, "bench", "--figures", options.out, "--markdown"])
    say("The figures are in {}".format(options.out))
    if backend == "CPU":
        sys.exit("The model ran on the CPU, not on the GPU: llama.cpp found none it can use.")


def check_the_plan(storytui, model):
    """Load the model once, then print what was planned for it beside what llama.cpp took."""
    name = model or "built-in"
    say("Looking at everything, and loading the model as it is planned")
    subprocess.run([*storytui, "doctor"])
    words = ["--words", "10", "--reasoning-tokens", "0", "--model", name]
    subprocess.run(
        [*storytui, "continue", "-", *words],
        input=b"The ferry had not come in for nine days.",
        stdout=subprocess.DEVNULL,
    )
    say("The plan, and what was measured")
    subprocess.run([*storytui, "models", "fit", name])


def what_is_missing(options):
    """One sentence about what has to be there first; None where everything is."""
    if sys.version_info < (3, 11):
        return "storytui needs Python 3.11 or newer; run this with a newer one."
    if options.model and not os.path.isfile(options.model):
        return "The model {} is not there.".format(options.model)
    driver = shutil.which("nvidia-smi")
    if driver is None:
        return "No NVIDIA driver is here (nvidia-smi is missing), so nothing can run on a GPU."
    listed = subprocess.run([driver, "-L"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if listed.returncode != 0 or b"GPU" not in listed.stdout:
        return "The NVIDIA driver finds no GPU (nvidia-smi -L lists none)."
    python = os.path.join(options.folder, "Scripts" if os.name == "nt" else "bin", "python")
    if options.index or (os.path.exists(python) and reaches_a_gpu(python)):
        return None
    if cuda_compiler() is None:
        return (
            "No CUDA compiler is here (nvcc): install the CUDA toolkit, or name an index with "
            "CUDA wheels of llama-cpp-python with --index."
        )
    if not any(shutil.which(name) for name in ("c++", "g++", "clang++", "cl")):
        return "No C++ compiler is here: install one, or name an index of wheels with --index."
    return None


def cuda_compiler():
    """The CUDA compiler, on the path or where the toolkit puts it."""
    return shutil.which("nvcc") or shutil.which("nvcc", path="/usr/local/cuda/bin")


def reaches_a_gpu(python):
    """Whether the llama.cpp in an environment was made for a GPU."""
    code = (
        "import llama_cpp, storytui; "
        "raise SystemExit(0 if llama_cpp.llama_supports_gpu_offload() else 1)"
    )
    done = subprocess.run(
        [python, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    return done.returncode == 0


def install(python, index):
    """storytui with its bench, and llama-cpp-python for CUDA."""
    environment = dict(os.environ)
    llama = [PACKAGE, "--force-reinstall", "--no-cache-dir"]
    if index:
        llama += ["--extra-index-url", index, "--only-binary", "llama-cpp-python"]
        say("Installing llama-cpp-python from {}".format(index))
    else:
        llama += ["--no-binary", "llama-cpp-python"]
        environment["CMAKE_ARGS"] = "-DGGML_CUDA=on -DLLAVA_BUILD=OFF"
        environment["CUDACXX"] = cuda_compiler()
        say("Building llama-cpp-python for CUDA; this takes some minutes")
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
    constraints = ["--constraint", "constraints.txt"]
    run([*pip, *llama, *constraints], "llama-cpp-python could not be installed", environment)
    say("Installing storytui")
    run([*pip, "--editable", ".[starter,bench]", *constraints], "storytui could not be installed")


def run(command, failure, environment=None):
    if subprocess.run(command, env=environment).returncode != 0:
        sys.exit("The GPU check stopped: {}; the lines above say why.".format(failure))


def say(what):
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
