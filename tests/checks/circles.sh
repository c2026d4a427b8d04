#!/usr/bin/env bash
# Checks that no modules of a crate import each other in a circle. Types that two modules share belong in a
# third module, which imports neither. circles.py defines what counts as an import.
set -euo pipefail
cd "$(dirname "$0")/../.."

# A self-test of the check: it must find exactly the circles in this sample.
sample=$(mktemp -d)
trap 'rm -r "$sample"' EXIT
mkdir "$sample/parent"
cat >"$sample/lib.rs" <<'RUST'
mod back;
mod facade { pub use crate::parent::Shared as Renamed; }
mod forth;
mod parent;
pub use parent::Shared;
RUST
echo 'use crate::forth::{self, Forth}; pub struct Back(Forth);' >"$sample/back.rs"
# A path without a `use`.
echo 'pub struct Forth; fn there() { crate::back::Back::new() }' >"$sample/forth.rs"
# An import through a re-export under another name.
cat >"$sample/parent/mod.rs" <<'RUST'
mod child;
mod leaf;
mod list;
pub struct Shared;
pub use self::list::Listed;
fn call() { child::call() }
RUST
echo 'use super::leaf::Leaf; pub fn call() { crate::facade::Renamed::new() }' >"$sample/parent/child.rs"
# Names in comments, strings, tests and macros do not count.
cat >"$sample/parent/leaf.rs" <<'RUST'
pub struct Leaf; // super::child::call
fn text() -> [&'static str; 2] { ["super::child::call \" super::child::call", r#"" super::child::call"#] }
#[cfg(test)] mod tests { use super::super::child::call; }
macro_rules! leaf { () => { super::child::call() } }
RUST
# The parent re-exports this module's type, but does not use it.
echo 'pub struct Listed(super::Shared);' >"$sample/parent/list.rs"
expected="circles: .: 2 modules import each other: back.rs, forth.rs
    back.rs:1: crate::forth::Forth is in forth.rs
    forth.rs:1: crate::back::Back::new is in back.rs
circles: .: 2 modules import each other: parent/child.rs, parent/mod.rs
    parent/child.rs:1: crate::facade::Renamed::new is in parent/mod.rs
    parent/mod.rs:6: child::call is in parent/child.rs"
checker=$PWD/tests/checks/circles.py
if ! diff <(echo "$expected") <(cd "$sample" && "$checker" . 2>&1); then
    echo "circles: the self-test failed: circles.py reports other circles than the sample has" >&2
    exit 1
fi

"$checker" crates/*/src
