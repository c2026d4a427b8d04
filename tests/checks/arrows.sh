#!/usr/bin/env bash
# Keeps the arrows of ARCHITECTURE.md: cli → client → transport, everybody → model, sim → model alone.
set -euo pipefail
cd "$(dirname "$0")/../.."

fail=0
say() { echo "arrows: $*" >&2; fail=1; }

# The crates that a crate's own code depends on, directly or not, with all its features and on any system;
# dev-dependencies do not count.
dependencies() {
    cargo tree --locked --quiet --package "$1" --all-features --target all --edges normal,build --prefix none --format '{p}' |
        cut -d' ' -f1 | sort -u
}

# Fails if a crate depends on one of the others named.
knows_not() {
    local crate=$1 known name
    shift
    # A statement of its own, so that a tree that cannot be read ends the check.
    known=$(dependencies "$crate")
    for name in "$@"; do
        # A crate that has been renamed would be forbidden in vain.
        case $name in ultracart-*) cargo pkgid --locked --quiet --package "$name" >/dev/null ;; esac
        ! grep -qFx -- "$name" <<<"$known" || say "$crate depends on $name"
    done
}

knows_not ultracart-model tokio reqwest hyper http mio ultracart-transport ultracart-client ultracart-sim ultracart-cli
knows_not ultracart-transport ultracart-client ultracart-sim ultracart-cli
knows_not ultracart-client ultracart-sim ultracart-cli
knows_not ultracart-sim reqwest reqwest-middleware ultracart-transport ultracart-client ultracart-cli

# The transport knows of errors and tokens, and of no user, group or login.
transport=crates/transport/src
[ -f "$transport/lib.rs" ] || say "there is no $transport"
if grep -rnE '\b(User|Group|UserLogin|Permission|Users?Response|Groups?Response|UserId|GroupOid)\b' "$transport" --include='*.rs' |
    grep -vE ':\s*//'; then
    say "the transport learns of users"
fi

# A table of contents stays one, its documentation aside.
for lib in crates/*/src/lib.rs; do
    [ "$(grep -vc '^//!' "$lib")" -le 60 ] || say "$lib has more than 60 lines"
done

# Past this length a file has a seam.
while IFS= read -r file; do
    [ "$(wc -l <"$file")" -le 400 ] || say "$file has more than 400 lines"
done < <(git ls-files '*.rs')

exit "$fail"
