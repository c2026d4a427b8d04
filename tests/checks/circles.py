#!/usr/bin/env python3
"""Finds circles of imports between the modules of one crate.

A module depends on another if its code names an item of the other one, in a `use` or in a path. A re-exported
name counts for the module that defines it, so a `mod.rs` that only re-exports items of its children is in no
circle. Tests and the bodies of `macro_rules!` do not count, and method calls are not detected. An inline module
belongs to its file.

    circles.py FOLDER...    each FOLDER contains a lib.rs or a main.rs
"""

import re
import sys
from pathlib import Path

TEXT = re.compile(
    r"""//[^\n]*|/\*.*?\*/
      | b?c?r(?P<hashes>\#*)".*?"(?P=hashes) | [bc]?"(?:\\.|[^"\\])*" | b?'(?:\\.[^'\n]*|[^'\\])'""",
    re.VERBOSE | re.DOTALL,
)
TEST = re.compile(r"#\[cfg\((?:test|all\(test\b[^\]]*)\)\]")
MACRO = re.compile(r"\bmacro_rules!\s*\w+\s*(?=[({\[])")
PLACE = re.compile(r"\bpub\(in [^)]*\)")
USE = re.compile(r"(?P<exported>\bpub\b(?:\([^)]*\))?\s+)?\buse\s+(?P<tree>[^;]+);")
MOD = re.compile(r"\bmod\s+(\w+)\s*(?=[;{])")
PATH = re.compile(r"(?<![\w.:$])\w+(?:::\w+)+")


def blank(text, start, end):
    """Returns the text with spaces from start to end, so that line numbers do not change."""
    return text[:start] + re.sub(r"[^\n]", " ", text[start:end]) + text[end:]


def end_of_item(text, start):
    """Returns the end of the item that starts at start: after its semicolon or its closing brace."""
    depth = 0
    for at in range(start, len(text)):
        depth += (text[at] in "([{") - (text[at] in ")]}")
        if depth == 0 and text[at] in ";}":
            return at + 1
    return len(text)


def code_of(text):
    """Returns the code without comments, literals, tests and macros."""
    for found in [*TEXT.finditer(text), *PLACE.finditer(text)]:
        text = blank(text, found.start(), found.end())
    for pattern in (TEST, MACRO):
        while found := pattern.search(text):
            text = blank(text, found.start(), end_of_item(text, found.end()))
    return text


def leaves(tree, prefix=()):
    """Yields the names that a `use` binds, with their paths."""
    head, brace, rest = tree.strip().partition("{")
    if not brace:
        path, _, alias = head.partition(" as ")
        path = [*prefix, *path.strip().removeprefix("::").split("::")]
        if len(path) > 1 and path[-1] == "self":
            path.pop()
        yield alias.strip() or path[-1], path
        return
    prefix = (*prefix, *head.strip().removesuffix("::").split("::"))
    start = depth = 0
    for at, char in enumerate(rest := rest[: rest.rindex("}")] + ","):
        depth += (char == "{") - (char == "}")
        if char == "," and depth == 0:
            if part := rest[start:at].strip():
                yield from leaves(part, prefix)
            start = at + 1


class Module:
    def __init__(self, file, folder, code, parent=None):
        self.file, self.code, self.parent = file, code, parent
        self.root = parent.root if parent else self
        # If two modules for different features share a name, paths lead to the second. Both are checked.
        self.children, self.names, self.modules, self.uses = {}, {}, [self], []
        while found := MOD.search(self.code):
            name, end = found[1], end_of_item(self.code, found.end())
            if self.code[found.end()] == "{":
                inside = blank(blank(self.code, 0, found.end() + 1), end - 1, len(self.code))
                child = Module(file, folder / name, inside, self)
            else:
                places = folder / f"{name}.rs", folder / name / "mod.rs"
                child = Module.read(next(filter(Path.exists, places)), folder / name, self)
            self.children[name] = child
            self.modules += child.modules
            self.code = blank(self.code, found.start(), end)
        while found := USE.search(self.code):
            line = self.code.count("\n", 0, found.start()) + 1
            for name, path in leaves(found["tree"]):
                self.names[name] = path
                self.uses.append((name, path, line, bool(found["exported"])))
            self.code = blank(self.code, found.start(), found.end())

    @classmethod
    def read(cls, file, folder, parent=None):
        return cls(file, folder, code_of(file.read_text()), parent)

    def resolve(self, path, seen=()):
        """Returns the module of a path, and whether the path names an item in it; None for another crate."""
        module, rest = self, path
        if path[0] == "crate":
            module, rest = self.root, path[1:]
        elif path[0] not in ("self", "super", *self.children, *self.names):
            return None
        for name in rest:
            if name == "super":
                module = module.parent
            elif name in module.children:
                module = module.children[name]
            elif name in module.names and (module, name) not in seen:
                found = module.resolve(module.names[name], (*seen, (module, name)))
                if found is None or found[1]:
                    return found
                module = found[0]
            elif name != "self":
                return module, True
        return module, False

    def arrows(self):
        """Yields the modules whose items this module names, each with the line and the path."""
        for name, path, line, exported in self.uses:
            found = self.resolve(path, ((self, name),))
            # A re-export counts only if the module itself also uses the name.
            if found and found[1] and not (exported and not re.search(rf"\b{name}\b", self.code)):
                yield found[0], line, path
        for found in PATH.finditer(self.code):
            path = found[0].split("::")
            if target := self.resolve(path):
                yield target[0], self.code.count("\n", 0, found.start()) + 1, path


def circles(root):
    """Yields the largest sets of files that all depend on each other, with the imports between them."""
    arrows = {module.file: {} for module in root.modules}
    for module in root.modules:
        for target, line, path in module.arrows():
            if target.file != module.file:
                arrows[module.file].setdefault(target.file, (line, "::".join(path)))
    reached = {}
    for file in arrows:
        reached[file], todo = set(), [file]
        while todo:
            new = arrows[todo.pop()].keys() - reached[file]
            reached[file] |= new
            todo += new
    left = {file for file in arrows if file in reached[file]}
    while left:
        first = min(left)
        circle = sorted(file for file in left if file in reached[first] and first in reached[file])
        left -= set(circle)
        yield circle, [(file, to, *arrows[file][to]) for file in circle for to in circle if to in arrows[file]]


def main(folders):
    failed = False
    for folder in map(Path, folders):
        for file in filter(Path.exists, (folder / "lib.rs", folder / "main.rs")):
            for circle, arrows in circles(Module.read(file, folder)):
                failed = True
                names = ", ".join(str(file.relative_to(folder)) for file in circle)
                print(f"circles: {folder}: {len(circle)} modules import each other: {names}", file=sys.stderr)
                for source, target, line, path in arrows:
                    print(f"    {source}:{line}: {path} is in {target.relative_to(folder)}", file=sys.stderr)
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
