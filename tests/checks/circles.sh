#!/usr/bin/env bash
# No modules of one crate import each other in a circle, as arrows.sh has it for the crates: shared types go into a module
# that imports neither. circles.py says what counts as an import.
set -euo pipefail
cd "$(dirname "$0")/../.."

# First the check is checked: it has to see each of these circles, and nothing else.
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
# Through a re-export under another name.
cat >"$sample/parent/mod.rs" <<'RUST'
mod child;
mod leaf;
mod list;
pub struct Shared;
pub use self::list::Listed;
fn call() { child::call() }
RUST
echo 'use super::leaf::Leaf; pub fn call() { crate::facade::Renamed::new() }' >"$sample/parent/child.rs"
# What a comment, a text, a test and a macro name does not count.
cat >"$sample/parent/leaf.rs" <<'RUST'
pub struct Leaf; // super::child::call
fn text() -> [&'static str; 2] { ["super::child::call \" super::child::call", r#"" super::child::call"#] }
#[cfg(test)] mod tests { use super::super::child::call; }
macro_rules! leaf { () => { super::child::call() } }
RUST
# Its parent lists it, and does not use it.
echo 'pub struct Listed(super::Shared);' >"$sample/parent/list.rs"
expected="circles: .: 2 modules import each other: back.rs, forth.rs
    back.rs:1: crate::forth::Forth is in forth.rs
    forth.rs:1: crate::back::Back::new is in back.rs
circles: .: 2 modules import each other: parent/child.rs, parent/mod.rs
    parent/child.rs:1: crate::facade::Renamed::new is in parent/mod.rs
    parent/mod.rs:6: child::call is in parent/child.rs"
checker=$PWD/tests/checks/circles.py
if ! diff <(echo "$expected") <(cd "$sample" && "$checker" . 2>&1); then
    echo "circles: the check itself is broken" >&2
    exit 1
fi

"$checker" crates/*/src
