#!/bin/sh
# Tests the simulated account with UltraCart's own Python client, on a free port.
#
#   VENV  Python environment, created if it does not exist; by default ./.venv
#   SIM   command that serves the account; by default `ultracart sim`
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/account.sh"
make_venv "$here/requirements.txt"
cd "$here"
# Unquoted, so that the command is split into words.
# shellcheck disable=SC2086
start_account ${SIM:-cargo run --quiet --package ultracart-cli -- sim --port 0}
# The client uses functions that urllib3 2.6 removes, so urllib3 is pinned.
"$VENV/bin/python" -W ignore::DeprecationWarning:ultracart.rest test_ultracart_sdk.py "$@"
