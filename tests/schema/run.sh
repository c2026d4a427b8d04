#!/bin/sh
# A schema fuzzer against a simulated account: no server error, and no answer that breaks the schema.
#
#   VENV  the Python environment, made where there is none: ./.venv if not set
#   SIM   the command that serves the account, without limits
set -eu
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../python/account.sh"
make_venv "$here/requirements.txt"
cd "$here"
# Words on purpose: a command with its arguments.
# shellcheck disable=SC2086
start_account ${SIM:-cargo run --quiet --package ultracart-sim --example serve -- --users 5 --unlimited}

# --checks all           server errors, status codes, content types, headers and bodies by the schema, wrong methods,
#                        missing headers and credentials, objects that are gone after a delete, invalid input refused
# --exclude-checks       positive_data_acceptance: what the schema allows can still be refused, with the 400 that the
#                        documents have for it (an identifier that nobody has, a login that is taken)
# --max-examples         per operation and phase: half a minute in all, or less
# --generation-database  nothing is kept from run to run …
# --seed                 … so that the same commit gives the same answer; another seed can be given as an argument
# It runs where it may leave things behind.
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
