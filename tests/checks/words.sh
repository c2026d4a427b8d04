#!/usr/bin/env bash
# Plain words: no banned phrase, no function name over 50 characters, no comment or paragraph wider than 110 columns
# (words.py), and no misspelt word (typos, which typos.toml configures).
set -euo pipefail
cd "$(dirname "$0")/../.."

# First the check is checked: it has to see each of these lines, and nothing else.
sample=$(mktemp -d)
trap 'rm -r "$sample"' EXIT
{
    echo '//! Calls of whoever comes first.'
    echo "fn $(printf 'x%.0s' {1..51})() {}"
    printf '// %0108d\n' 0
    echo '/// The type `whoever` and a fn_of_any_length.'
    printf 'const CODE: u8 = %0108d;\n' 0
} >"$sample/lib.rs"
expected="lib.rs:1: \`whoever\`: say it plainly (tests/checks/banned-phrases.txt)
lib.rs:2: the name $(printf 'x%.0s' {1..51}) has 51 characters, 50 are allowed
lib.rs:3: 111 columns, 110 are allowed"
checker=$PWD/tests/checks/words.py
if ! diff <(echo "$expected") <(cd "$sample" && "$checker" lib.rs 2>/dev/null); then
    echo "words: the check itself is broken" >&2
    exit 1
fi

git ls-files '*.rs' '*.md' '*.sh' '*.py' '*.toml' '*.html' '*.css' '*.js' ':!tests/checks/words.sh' | xargs "$checker"

. tests/python/account.sh
make_venv tests/checks/requirements.txt
"$VENV/bin/typos"
