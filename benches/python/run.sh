#!/bin/sh
# Compares the time that UltraCart's Python client and ultracart-model take to decode 1,000 users.
#
#   VENV  the Python environment, created if it does not exist (default: ./.venv)
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../tests/python/account.sh"
make_venv "$here/../../tests/python/requirements.txt"
cd "$here/../.."
BENCH_PYTHON="$VENV/bin/python" cargo bench --locked --quiet --package ultracart-benches --bench decode
