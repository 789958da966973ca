"""What the lint tests share: the list of files, C without its comments."""

import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.dirname(os.path.abspath(__file__)))))
os.chdir(ROOT)


class Report:
    """Prints FILE:LINE: message and remembers that there was one."""

    def __init__(self):
        self.count = 0

    def __call__(self, path, line, message):
        self.count += 1
        print(f"{path}:{line}: {message}")

    def warn(self, path, line, message):
        print(f"{path}:{line}: warning: {message}")

    def status(self):
        return 1 if self.count else 0


report = Report()


def files():
    """Every file that git has or would take, as paths from the root."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "-co", "--exclude-standard"],
            check=True, capture_output=True).stdout.decode()
        found = [path for path in listed.split("\0") if path]
    except (OSError, subprocess.CalledProcessError):
        found = walk()
    return sorted(path for path in set(found) if os.path.isfile(path))


def walk():
    """The same without git: an unpacked archive."""
    found = []
    for folder, folders, names in os.walk("."):
        folders[:] = [name for name in folders
                      if name not in ("build", "run", ".git", "__pycache__")]
        found += [os.path.join(folder, name)[2:] for name in names]
    return found


def sources(*endings):
    return [path for path in files() if path.endswith(endings)]


def without_comments(text, strings=True):
    """C with comments, and strings unless kept, turned to blanks.

    Line ends stay, so line numbers do.
    """
    out = []
    at = 0
    while at < len(text):
        two = text[at:at + 2]
        if two == "/*":
            end = text.find("*/", at + 2)
            end = len(text) if end < 0 else end + 2
        elif two == "//":
            end = text.find("\n", at)
            end = len(text) if end < 0 else end
        elif text[at] in "\"'":
            end = string_end(text, at)
            if strings:
                out.append(text[at:end])
                at = end
                continue
        else:
            out.append(text[at])
            at += 1
            continue
        out.append("".join("\n" if c == "\n" else " " for c in text[at:end]))
        at = end
    return "".join(out)


def string_end(text, at):
    quote = text[at]
    at += 1
    while at < len(text) and text[at] not in (quote, "\n"):
        at += 2 if text[at] == "\\" else 1
    return min(at + 1, len(text))


def read(path):
    with open(path, encoding="utf-8", errors="surrogateescape") as stream:
        return stream.read()


if __name__ == "__main__":
    sys.exit("common.py is a library")
