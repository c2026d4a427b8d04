#!/usr/bin/env bash
# Runs the README's first command as a newcomer would: in a new clone, with an empty home directory, without
# build artifacts and downloaded crates. Prints the duration, and fails if it exceeds README_LIMIT seconds.
set -euo pipefail
cd "$(dirname "$0")/../.."

command=$(grep --max-count=1 '^cargo run ' README.md)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
git clone --quiet . "$scratch/clone"
[ -z "$(git status --porcelain)" ] || echo "uncommitted changes are not tested"
mkdir "$scratch/home" "$scratch/cargo"

# The toolchain and the access to the registry are those of this machine.
caller=${CARGO_HOME:-$HOME/.cargo}
[ ! -f "$caller/config.toml" ] || cp "$caller/config.toml" "$scratch/cargo"
environment=("PATH=$PATH" "HOME=$scratch/home" "RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup}" "CARGO_HOME=$scratch/cargo" CARGO_TERM_QUIET=true)
while IFS= read -r variable; do
    environment+=("$variable")
done < <(env | grep -iE '^(CARGO_(HTTP|NET|REGISTR|SOURCE)[A-Z_]*|SSL_CERT_(FILE|DIR)|(HTTPS?|ALL|NO)_PROXY|RUSTUP_TOOLCHAIN)=')

cd "$scratch/clone"
SECONDS=0
if ! env -i "${environment[@]}" cargo fetch --locked; then
    echo "the registry cannot be reached: the build uses the crates that this machine has already downloaded"
    environment+=("CARGO_HOME=$caller" CARGO_NET_OFFLINE=true)
fi
env -i "${environment[@]}" bash -c "$command"
took=$SECONDS

for file in audit.html users.csv logins.csv audit.json; do
    if [ ! -s "audit/$file" ]; then
        echo "the command did not write audit/$file: $command" >&2
        exit 1
    fi
done
echo "the first report took $took s"
if [ "$took" -gt "${README_LIMIT:-$took}" ]; then
    echo "the first report took longer than README_LIMIT=$README_LIMIT s" >&2
    exit 1
fi
