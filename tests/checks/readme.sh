#!/usr/bin/env bash
# Runs the README's first command as a newcomer does: in a clone, with an empty home, nothing built and no crate at hand.
# It says how long that took; README_LIMIT, in seconds, makes more than that a failure.
set -euo pipefail
cd "$(dirname "$0")/../.."

command=$(grep --max-count=1 '^cargo run ' README.md)
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
git clone --quiet . "$place/clone"
[ -z "$(git status --porcelain)" ] || echo "changes that are not committed are left out"
mkdir "$place/home" "$place/cargo"

# A newcomer has a toolchain, and a way to the registry, which is the machine's affair.
caller=${CARGO_HOME:-$HOME/.cargo}
[ ! -f "$caller/config.toml" ] || cp "$caller/config.toml" "$place/cargo"
theirs=("PATH=$PATH" "HOME=$place/home" "RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup}" "CARGO_HOME=$place/cargo" CARGO_TERM_QUIET=true)
while IFS= read -r variable; do
    theirs+=("$variable")
done < <(env | grep -iE '^(CARGO_(HTTP|NET|REGISTR|SOURCE)[A-Z_]*|SSL_CERT_(FILE|DIR)|(HTTPS?|ALL|NO)_PROXY|RUSTUP_TOOLCHAIN)=')

cd "$place/clone"
SECONDS=0
if ! env -i "${theirs[@]}" cargo fetch --locked; then
    echo "the registry cannot be reached: built from the crates that are on this machine"
    theirs+=("CARGO_HOME=$caller" CARGO_NET_OFFLINE=true)
fi
env -i "${theirs[@]}" bash -c "$command"
took=$SECONDS

for file in audit.html users.csv logins.csv audit.json; do
    if [ ! -s "audit/$file" ]; then
        echo "no $file was written by: $command" >&2
        exit 1
    fi
done
echo "$took s from a clone to a report"
if [ "$took" -gt "${README_LIMIT:-$took}" ]; then
    echo "more than the $README_LIMIT s that it may take" >&2
    exit 1
fi
