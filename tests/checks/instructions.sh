#!/usr/bin/env bash
# Counts instructions and memory and compares them with benches/baseline.json. Fails if a count is more than
# 3% higher, or a goal is missed. Counts depend on the compiler and the C library: with versions other than
# the baseline's, the script only prints them. `--update` writes a new baseline.
set -euo pipefail
cd "$(dirname "$0")/../.."

compare() { python3 - "$1" "$(rustc --version | cut -d' ' -f2), $(getconf GNU_LIBC_VERSION)" "$scratch"; }

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
bench() { cargo bench --locked --quiet --package ultracart-benches --bench "$@"; }
GUNGRAUN_OUTPUT_FORMAT=json bench instructions >"$scratch/instructions"
bench memory -- --json >"$scratch/memory"

compare "${1:-}" <<'PYTHON'
import json
import sys

mode, built_with, scratch = sys.argv[1:]
path = "benches/baseline.json"
baseline = json.load(open(path))

numbers = {}
for line in open(f"{scratch}/instructions"):
    case = json.loads(line)
    metrics = case["profiles"][0]["data"]["total"]["metrics"]
    numbers[f"{case['function_name']}.{case['id']}"] = metrics["Ir"]["values"]["new"]
numbers |= json.load(open(f"{scratch}/memory"))

if mode == "--update":
    baseline |= {"built_with": built_with, "numbers": numbers}
    with open(path, "w") as file:
        json.dump(baseline, file, indent=2)
        file.write("\n")

failed = False
same = baseline["built_with"] == built_with
if not same:
    print(f"not compared: the baseline was made with {baseline['built_with']}, these counts with {built_with}")
    print("tests/checks/instructions.sh --update writes a new baseline")
for name, now in numbers.items():
    line = f"{name:<44} {now:>12}"
    if same and name in baseline["numbers"]:
        change = now / baseline["numbers"][name] - 1
        line += f" {change:>+8.2%}"
        # Counts of other clients' code may grow.
        if change > baseline["most_growth"] and name not in baseline["peers"]:
            failed = True
            line += "  TOO MUCH"
    elif same:
        line += "  not in the baseline"
        failed = True
    print(line)
for name in sorted(baseline["numbers"].keys() - numbers.keys()):
    print(f"{name:<44} was not measured")
    failed = True
for goal in baseline["goals"]:
    ratio = numbers[goal["of"]] / numbers[goal["to"]]
    missed = ratio > goal["at_most"]
    failed |= missed and same
    print(f"{goal['of']} is {ratio:.3f} of {goal['to']}, at most {goal['at_most']}{'  MISSED' if missed else ''}")
sys.exit(failed)
PYTHON
