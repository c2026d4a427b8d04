# Functions for scripts that need a Python environment or a simulated account over TCP. To be sourced.

# make_venv REQUIREMENTS: installs these packages in the Python environment $VENV, and creates it if it does
# not exist.
make_venv() {
    VENV=${VENV:-.venv}
    case $VENV in /*) ;; *) VENV=$PWD/$VENV ;; esac
    # An environment whose creation was interrupted has a python and no pip.
    [ -x "$VENV/bin/pip" ] || python3 -m venv "$VENV"
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$1"
}

# start_account COMMAND…: starts a simulated account and sets ULTRACART_BASE_URL and ULTRACART_SIMPLE_KEY. The
# account is stopped when the script exits for any reason.
start_account() {
    export ULTRACART_SIMPLE_KEY="${ULTRACART_SIMPLE_KEY:-only-a-test}"
    scratch=$(mktemp -d)
    mkfifo "$scratch/line"
    "$@" >"$scratch/line" &
    account=$!
    trap 'kill "$account" 2>/dev/null || true; wait "$account" 2>/dev/null || true; rm -rf "$scratch"' EXIT
    trap 'exit 130' INT TERM
    # The account prints one line. If it exits before, the pipe is closed and `read` fails.
    if ! read -r line <"$scratch/line"; then
        echo "the simulated account exited before it printed its address" >&2
        exit 1
    fi
    ULTRACART_BASE_URL=$(printf '%s\n' "$line" | sed -n 's/^simulated account at \(http[^,]*\), simple key .*$/\1/p')
    export ULTRACART_BASE_URL
    if [ -z "$ULTRACART_BASE_URL" ]; then
        echo "the simulated account printed no address: $line" >&2
        exit 1
    fi
}
