#!/bin/sh
# Fuzzes a simulated account with schemathesis. Fails if a response is a server error or violates the schema.
#
#   VENV  Python environment, created if it does not exist; by default ./.venv
#   SIM   command that serves the account without limits; by default the example `serve`
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../python/account.sh"
make_venv "$here/requirements.txt"
cd "$here"
# Unquoted, so that the command is split into words.
# shellcheck disable=SC2086
start_account ${SIM:-cargo run --quiet --package ultracart-sim --example serve -- --users 5 --unlimited}

# --checks all           server errors; status codes, content types, headers and bodies that are not in the
#                        schema; wrong methods; missing headers and credentials; use after delete; accepted
#                        invalid input
# --exclude-checks       positive_data_acceptance: the account may respond with a 400 to input that the schema
#                        allows, for example an unknown identifier or a login of another user
# --max-examples         per operation and phase; half a minute in total, or less
# --generation-database  none: with the same seed, every run of a commit has the same result
# --seed                 1, or the script's argument
# The fuzzer writes files into its working directory.
cd "$scratch"
SCHEMATHESIS_HOOKS=hooks PYTHONPATH="$here" PYTHONDONTWRITEBYTECODE=1 "$VENV/bin/schemathesis" run "$here/user-api.openapi.yaml" \
    --url "$ULTRACART_BASE_URL" \
    --header "x-ultracart-simple-key: $ULTRACART_SIMPLE_KEY" \
    --checks all \
    --exclude-checks positive_data_acceptance \
    --max-examples 100 \
    --generation-database none \
    --request-timeout 10 \
    --continue-on-failure \
    --no-color \
    --seed "${1:-1}"
