"""The copy of the tree that mutants change, and how a change finds its code.

Code is compared with white space folded, so that a new layout changes
nothing; it must be there exactly once, else the mutant is reported.
"""

import io
import os
import re
import subprocess
import tarfile

BUILD_FILES = ("CMakeLists.txt", "CMakePresets.json")
FOLDERS = ("auth/", "conf/", "dav/", "server/", "store/", "contrib/",
           "tests/fuzz/build.cmake")


class Missing(Exception):
    """The code that a mutant changes is not there once."""


def mutant(name, changes, *cases):
    """A change is (file, the code with the check, the code without it); a
    case is (class, test program, words for its cases)."""
    return {"name": name, "changes": changes, "cases": cases}


def fold(code):
    """A pattern of the code's words with any white space between them."""
    return re.compile(r"\s*".join(
        re.escape(word) for word in re.findall(r"\w+|[^\w\s]", code)))


def replace_once(file, text, old, new):
    found = list(fold(old).finditer(text))
    if len(found) != 1:
        raise Missing("%s has %d places like: %s" % (
            file, len(found), " ".join(old.split())[:70]))
    return text[:found[0].start()] + new + text[found[0].end():]


class Tree:
    """Sources below `path`, which follow those of `top`, and their state."""

    def __init__(self, top, path, head):
        self.top, self.path = top, path
        self.commit = self._last_commit() if head else None
        self.changed = {}

    def _git(self, *arguments):
        return subprocess.run(["git", "-C", self.top, *arguments],
                              check=True, stdout=subprocess.PIPE).stdout

    def _last_commit(self):
        """The bytes of each of its files by name."""
        bytes_of = io.BytesIO(self._git("archive", "HEAD"))
        with tarfile.open(fileobj=bytes_of) as archive:
            return {m.name: archive.extractfile(m).read()
                    for m in archive.getmembers() if m.isfile()}

    def names(self):
        listed = self.commit or self._git("ls-files", "-z").decode().split(
            "\0")
        return [n for n in listed
                if n in BUILD_FILES or n.startswith(FOLDERS)]

    def source(self, name):
        """The bytes of a file as the tree has them; None: it is gone."""
        if self.commit:
            return self.commit.get(name)
        try:
            with open(os.path.join(self.top, name), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def renew(self):
        """Only what differs is written, so that only that is built."""
        kept = set()
        for name in self.names():
            body = self.source(name)
            if body is None:
                continue
            kept.add(name)
            self._write(name, body)
        for folder, _, files in os.walk(self.path):
            for file in files:
                path = os.path.join(folder, file)
                if os.path.relpath(path, self.path) not in kept:
                    os.unlink(path)

    def _write(self, name, body):
        path = os.path.join(self.path, name)
        try:
            with open(path, "rb") as file:
                if file.read() == body:
                    return
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(body)
        if name.endswith((".sh", "quickstart")):
            os.chmod(path, 0o755)

    def try_change(self, changes):
        """The changed texts by name; Missing when one finds no place."""
        texts = {}
        for name, old, new in changes:
            if name not in texts:
                body = self.source(name)
                if body is None:
                    raise Missing(name + " is gone")
                texts[name] = body.decode()
            texts[name] = replace_once(name, texts[name], old, new)
        return texts

    def change(self, changes):
        texts = self.try_change(changes)
        for name, text in texts.items():
            path = os.path.join(self.path, name)
            with open(path, "rb") as file:
                self.changed[name] = file.read()
            self._write(name, text.encode())

    def restore(self):
        for name, body in self.changed.items():
            self._write(name, body)
        self.changed = {}
