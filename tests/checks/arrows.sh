#!/usr/bin/env bash
# Checks the dependencies between the crates (ARCHITECTURE.md): cli → client → transport, all → model, sim →
# only model. Also checks the length of source files.
set -euo pipefail
cd "$(dirname "$0")/../.."

fail=0
say() { echo "arrows: $*" >&2; fail=1; }

# Prints the direct and indirect dependencies of a crate, with all features and for all targets, without
# dev-dependencies.
dependencies() {
    cargo tree --locked --quiet --package "$1" --all-features --target all --edges normal,build --prefix none --format '{p}' |
        cut -d' ' -f1 | sort -u
}

# Fails if a crate depends on one of the other crates.
must_not_depend_on() {
    local crate=$1 known name
    shift
    # A separate statement, so that an error of `cargo tree` ends the script.
    known=$(dependencies "$crate")
    for name in "$@"; do
        # Fails if the crate has been renamed, because the check would then have no effect.
        case $name in ultracart-*) cargo pkgid --locked --quiet --package "$name" >/dev/null ;; esac
        ! grep -qFx -- "$name" <<<"$known" || say "$crate depends on $name"
    done
}

must_not_depend_on ultracart-model tokio reqwest hyper http mio ultracart-transport ultracart-client ultracart-sim ultracart-cli
must_not_depend_on ultracart-transport ultracart-client ultracart-sim ultracart-cli
must_not_depend_on ultracart-client ultracart-sim ultracart-cli
must_not_depend_on ultracart-sim reqwest reqwest-middleware ultracart-transport ultracart-client ultracart-cli

# The transport may use the model's errors and tokens, but not its users, groups and logins.
transport=crates/transport/src
[ -f "$transport/lib.rs" ] || say "$transport/lib.rs does not exist"
if grep -rnE '\b(User|Group|UserLogin|Permission|Users?Response|Groups?Response|UserId|GroupOid)\b' "$transport" --include='*.rs' |
    grep -vE ':\s*//'; then
    say "$transport uses the model's users, groups or logins (see above)"
fi

# lib.rs is a table of contents. Its documentation does not count.
for lib in crates/*/src/lib.rs; do
    [ "$(grep -vc '^//!' "$lib")" -le 60 ] || say "$lib has more than 60 lines of code"
done

# A longer file can be split.
while IFS= read -r file; do
    [ "$(wc -l <"$file")" -le 400 ] || say "$file has more than 400 lines"
done < <(git ls-files '*.rs')

exit "$fail"
