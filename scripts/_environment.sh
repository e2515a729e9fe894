# Sourced by the scripts beside it: a virtual environment for this checkout.
#
#   make_environment FOLDER EXTRAS    makes FOLDER or brings it up to date; nothing to do: no output
#
# Remade when Python, pyproject.toml or the pinned versions change. On the system that the lock is
# for, what is downloaded is what scripts/lock saw, to the byte; elsewhere the versions are the same.

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11 python; do
        [ -n "$candidate" ] || continue
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "photosearch needs Python 3.11 or newer; PYTHON=/path/to/python names one" >&2
    return 1
}

fits_the_lock() { # PYTHON
    "$1" -c 'import platform, sys
here = platform.python_implementation(), platform.system(), platform.machine(), platform.libc_ver()[0]
sys.exit(sys.version_info[:2] != (3, 11) or here != ("CPython", "Linux", "x86_64", "glibc"))'
}

install_into() { # PYTHON EXTRAS: photosearch of this checkout, editable, into PYTHON's environment
    local said lock=lock.txt pip=("$1" -m pip install --quiet --disable-pip-version-check)
    [ -n "$2" ] || lock=lock-light.txt
    if fits_the_lock "$1"; then
        # A version that is no longer to be had must not keep anybody from working; other bytes
        # than those of the lock must.
        said=$("${pip[@]}" --require-hashes --requirement "$project/scripts/$lock" 2>&1) || {
            echo "$said" >&2
            [[ $said != *"DO NOT MATCH THE HASHES"* ]] || return 1
            echo "scripts/$lock cannot be installed here: versions of scripts/constraints.txt instead" >&2
        }
    fi
    # All that is left to it after the lock is PyTorch. On Linux the registry's build brings CUDA,
    # 4 GB of it, which serves nobody without such a card.
    if [[ $2 = *torch* && $(uname -s) = Linux ]] && ! command -v nvidia-smi >/dev/null; then
        "${pip[@]}" --retries 1 --timeout 30 --extra-index-url https://download.pytorch.org/whl/cpu \
            "$(grep '^torch==' "$project/scripts/constraints.txt")+cpu" ||
            echo "PyTorch's CPU build cannot be had here: the one with CUDA is installed" >&2
    fi
    "${pip[@]}" --constraint "$project/scripts/constraints.txt" --editable "$project$2"
}

make_environment() {
    local folder=$1 extras=$2 python state
    python=$(find_python) || return 1
    state="$("$python" --version) $extras $(cat "$project/pyproject.toml" "$project/scripts/constraints.txt" "$project"/scripts/lock*.txt | cksum)"
    [ "$(cat "$folder/state" 2>/dev/null)" = "$state" ] && return
    echo "--- making the environment $folder (downloads packages; a minute or more)" >&2
    rm -rf "$folder"
    "$python" -m venv "$folder" || return 1
    install_into "$folder/bin/python" "$extras" || return 1
    echo "$state" >"$folder/state"
}
