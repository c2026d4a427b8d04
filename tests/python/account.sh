# What the scripts that call a simulated account from outside have in common. Sourced, not run.

# make_venv REQUIREMENTS: a Python environment with these packages, made where there is none yet.
make_venv() {
    VENV=${VENV:-.venv}
    case $VENV in /*) ;; *) VENV=$PWD/$VENV ;; esac
    [ -x "$VENV/bin/python" ] || python3 -m venv "$VENV"
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$1"
}

# start_account COMMAND…: starts a simulated account and sets ULTRACART_BASE_URL and ULTRACART_SIMPLE_KEY. It is
# stopped when the script ends, however that comes.
start_account() {
    export ULTRACART_SIMPLE_KEY="${ULTRACART_SIMPLE_KEY:-only-a-test}"
    scratch=$(mktemp -d)
    mkfifo "$scratch/line"
    "$@" >"$scratch/line" &
    account=$!
    trap 'kill "$account" 2>/dev/null || true; wait "$account" 2>/dev/null || true; rm -rf "$scratch"' EXIT
    trap 'exit 130' INT TERM
    # The one line that it prints. If it ends without one, so does the pipe.
    if ! read -r line <"$scratch/line"; then
        echo "the simulated account did not start" >&2
        exit 1
    fi
    ULTRACART_BASE_URL=$(printf '%s\n' "$line" | sed -n 's/^simulated account at \(http[^,]*\), simple key .*$/\1/p')
    export ULTRACART_BASE_URL
    if [ -z "$ULTRACART_BASE_URL" ]; then
        echo "not the line of a simulated account: $line" >&2
        exit 1
    fi
}
