# Sourced by the scripts beside it: a virtual environment for this checkout.
#
#   make_environment FOLDER EXTRAS    makes FOLDER or brings it up to date; nothing to do: no output
#
# Remade when Python, pyproject.toml or the pinned versions change.

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

make_environment() {
    local folder=$1 extras=$2 python state
    python=$(find_python) || return 1
    state="$("$python" --version) $extras $(cat "$project/pyproject.toml" "$project/scripts/constraints.txt" | cksum)"
    [ "$(cat "$folder/state" 2>/dev/null)" = "$state" ] && return
    echo "--- making the environment $folder (downloads packages; a minute or more)" >&2
    rm -rf "$folder"
    "$python" -m venv "$folder" || return 1
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check \
        --constraint "$project/scripts/constraints.txt" --editable "$project$extras" || return 1
    echo "$state" >"$folder/state"
}
