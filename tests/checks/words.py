#!/usr/bin/env python3
"""Checks the words of files: phrases that readers stumble over, long function names, and the width of lines.

    words.py FILE...

Banned phrases stand in banned-phrases.txt beside this file. Code spans in backticks are not checked for phrases.
"""

import re
import sys
from pathlib import Path

WIDTH = 110  # as `max_width` in rustfmt.toml
LONGEST_NAME = 50
PHRASES = Path(__file__).with_name("banned-phrases.txt")

NAME = re.compile(r"\b(?:fn|def) (\w+)")
CODE_SPAN = re.compile(r"`[^`]*`")
LINK = re.compile(r"\]\(\S+\)|https?://\S+|^\[[^\]]+\]: ")


def phrases():
    lines = (line.strip() for line in PHRASES.read_text().splitlines())
    return re.compile("|".join(rf"\b(?:{line})\b" for line in lines if line and line[0] != "#"), re.IGNORECASE)


def is_prose(path, line):
    """Whether a line belongs to a text that is wrapped: rustfmt wraps code by itself."""
    if path.suffix == ".rs" and not line.lstrip().startswith("//"):
        return False
    return path.suffix in (".rs", ".md") and not line.lstrip(" /!").startswith("|")


def problems(path, banned):
    fenced = False
    for number, line in enumerate(path.read_text().splitlines(), 1):
        fenced ^= line.lstrip().startswith("```") and path.suffix == ".md"
        for phrase in banned.findall(CODE_SPAN.sub("", line)):
            yield number, f"`{phrase}`: say it plainly (tests/checks/banned-phrases.txt)"
        for name in NAME.findall(line):
            if len(name) > LONGEST_NAME:
                yield number, f"the name {name} has {len(name)} characters, {LONGEST_NAME} are allowed"
        if len(line) > WIDTH and is_prose(path, line) and not fenced and not LINK.search(line):
            yield number, f"{len(line)} columns, {WIDTH} are allowed"


def main():
    banned, found = phrases(), 0
    for path in map(Path, sys.argv[1:]):
        for number, problem in problems(path, banned):
            print(f"{path}:{number}: {problem}")
            found += 1
    if found:
        sys.exit(f"words: {found} problems")


if __name__ == "__main__":
    main()
