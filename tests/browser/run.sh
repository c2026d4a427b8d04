#!/usr/bin/env bash
# Opens the report in the folder given as the argument, and one of a hostile account, in headless Chromium.
# Needs /usr/bin/chromium (Debian's package chromium). The Python environment is made in $VENV, else ./.venv.
set -euo pipefail
report=$(realpath "${1:?usage: run.sh FOLDER_OF_A_REPORT}")
cd "$(dirname "$0")/../.."

venv=${VENV:-$PWD/.venv}
# One that was broken off has a python and no pip.
[ -x "$venv/bin/pip" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check --requirement tests/browser/requirements.txt

hostile=$(mktemp -d)
trap 'rm -r "$hostile"' EXIT
cargo run --quiet --locked --package ultracart-cli --example report -- "$hostile" 120 hostile

"$venv/bin/python" tests/browser/report_test.py "$report/audit.html" "$hostile/audit.html"
