#!/usr/bin/env bash
# Opens the report in the folder given as the argument, and those of a hostile account and of large ones, in headless
# Chromium.
# Needs /usr/bin/chromium (Debian's package chromium). The Python environment is made in $VENV, else ./.venv.
set -euo pipefail
report=$(realpath "${1:?usage: run.sh FOLDER_OF_A_REPORT}")
cd "$(dirname "$0")/../.."

venv=${VENV:-$PWD/.venv}
# One that was broken off has a python and no pip.
[ -x "$venv/bin/pip" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check --requirement tests/browser/requirements.txt

made=$(mktemp -d)
trap 'rm -r "$made"' EXIT
make_report() { cargo run --quiet --locked --package ultracart-cli --example report -- "$made/$1" "$2" "$3"; }
make_report hostile 120 hostile
make_report large 5000 usual
make_report scattered 5000 scattered

"$venv/bin/python" tests/browser/report_test.py "$report/audit.html" "$made"/{hostile,large,scattered}/audit.html
