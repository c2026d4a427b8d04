#!/bin/sh
# UltraCart's own Python client against a simulated account, on a free port.
#
#   VENV  the Python environment, made where there is none: ./.venv if not set
#   SIM   the command that serves the account: `ultracart sim` if not set
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/account.sh"
make_venv "$here/requirements.txt"
cd "$here"
# Words on purpose: a command with its arguments.
# shellcheck disable=SC2086
start_account ${SIM:-cargo run --quiet --package ultracart-cli -- sim --port 0}
# The client calls what urllib3 will take away in 2.6, which is why that is pinned.
"$VENV/bin/python" -W ignore::DeprecationWarning:ultracart.rest test_ultracart_sdk.py "$@"
