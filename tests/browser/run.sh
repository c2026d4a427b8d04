#!/usr/bin/env bash
# Runs report_test.py in headless Chromium: on the report in the given folder, and on generated reports.
# Needs /usr/bin/chromium (Debian's package chromium). Creates a Python environment in $VENV, by default ./.venv.
set -euo pipefail
report=$(realpath "${1:?usage: run.sh FOLDER_OF_A_REPORT}")
cd "$(dirname "$0")/../.."

. tests/python/account.sh
make_venv tests/browser/requirements.txt

generated=$(mktemp -d)
trap 'rm -r "$generated"' EXIT
make_report() { cargo run --quiet --locked --package ultracart-cli --example report -- "$generated/$1" "$2" "$3"; }
make_report hostile 120 hostile
make_report large 5000 usual
make_report scattered 5000 scattered

"$VENV/bin/python" tests/browser/report_test.py "$report/audit.html" "$generated"/{hostile,large,scattered}/audit.html
