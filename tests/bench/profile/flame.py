"""From the text of `perf script` to counted stacks, and to a picture of them.

    perf script -F comm,ip,sym,dso | flame.py > picture.svg

A stack is a box for each function, on top of who called it, as wide as the
part of the samples in which it was there. Siblings stand in the order of
their names: what is beside what says nothing.
"""

import collections
import html
import re
import sys

FRAME = re.compile(r"^\s+[0-9a-f]+ (.*) \((.*)\)$")
WIDTH, ROW, TEXT = 1200, 17, 6.6
COLOURS = {"kernel": "#c9b8a8", "celldav": "#e8a05c", "libc": "#b9c27a",
           "other": "#9fb7c9"}


def library(path):
    """A short name of the object that a function is in."""
    if "kernel" in path or path.endswith(".ko"):
        return "kernel"
    name = path.rsplit("/", 1)[-1]
    return re.split(r"\.so|-\d", name)[0]


def collapse(text):
    """Counter of stacks; a stack is a tuple of (function, library)."""
    stacks, frames, inside = collections.Counter(), [], False
    for line in [*text.splitlines(), ""]:
        match = FRAME.match(line)
        if match:
            symbol = match.group(1)
            where = library(match.group(2))
            frames.append((where if symbol == "[unknown]" else symbol,
                           where))
        elif not line.strip() and inside:
            if frames:
                stacks[tuple(reversed(frames))] += 1
            frames, inside = [], False
        if line.strip():
            inside = True
    return stacks


class Box:
    """One function on one way from the root."""

    def __init__(self):
        self.count = 0
        self.above = {}


def tree_of(stacks):
    root = Box()
    for frames, count in stacks.items():
        root.count += count
        box = root
        for frame in frames:
            box = box.above.setdefault(frame, Box())
            box.count += count
    return root


def boxes(box, left, depth, scale):
    """All boxes that can be seen: frame, left, width, depth, count."""
    for frame, above in sorted(box.above.items()):
        width = above.count * scale
        if width >= 0.4:
            yield frame, left, width, depth, above.count
            yield from boxes(above, left, depth + 1, scale)
        left += width


def colour(where):
    return COLOURS.get(where if where in COLOURS else
                       "libc" if where.startswith("libc") else "other")


def box_write(frame, left, width, top, part):
    name, where = frame
    letters = int((width - 4) / TEXT)
    label = name if len(name) <= letters else name[:max(letters - 1, 0)]
    told = html.escape(f"{name} ({where}), {part * 100:.1f} %")
    lines = [f'<g><title>{told}</title>',
             f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" '
             f'height="{ROW - 1}" fill="{colour(where)}"/>']
    if letters > 2:
        lines.append(f'<text x="{left + 2:.1f}" y="{top + 12}">'
                     f'{html.escape(label)}</text>')
    return "".join(lines) + "</g>"


def picture(stacks, title):
    root = tree_of(stacks)
    if not root.count:
        return "<svg xmlns=\"http://www.w3.org/2000/svg\"/>\n"
    found = list(boxes(root, 0.0, 0, WIDTH / root.count))
    height = (max(item[3] for item in found) + 3) * ROW
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
             f'height="{height}" font-family="monospace" font-size="11">',
             f'<text x="4" y="13">{html.escape(title)}</text>']
    for frame, left, width, depth, count in found:
        lines.append(box_write(frame, left, width,
                               height - (depth + 1) * ROW,
                               count / root.count))
    return "\n".join(lines) + "\n</svg>\n"


def write(path, stacks, title):
    with open(path, "w", encoding="utf-8") as file:
        file.write(picture(stacks, title))


if __name__ == "__main__":
    print(picture(collapse(sys.stdin.read()), "all samples"), end="")
