#!/bin/sh
# How long UltraCart's own Python client takes to decode 1,000 users, beside ultracart-model.
#
#   VENV  the Python environment, made where there is none: ./.venv if not set
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../../tests/python/account.sh"
make_venv "$here/../../tests/python/requirements.txt"
cd "$here/../.."
BENCH_PYTHON="$VENV/bin/python" cargo bench --locked --quiet --package ultracart-benches --bench decode
