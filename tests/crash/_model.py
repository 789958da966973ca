"""What a client was told: its tree, and the history that led to it.

A tree maps a path below the client's collection to a Node. An operation that
was sent has one effect on the tree, which it has as a whole or not at all: a
Change. What must be there after a crash is the tree of the acknowledged
changes, or that with the one change whose answer never came.
"""

import collections
import hashlib

FILE, FOLDER = "file", "folder"
# A lock whose token was in the answer that never came.
SOME = "some token"

Node = collections.namedtuple("Node", "kind digest prop lock")


def digest_of(body):
    return hashlib.sha256(body).hexdigest()


class Change:
    """Paths that go, and paths that come (or change)."""

    def __init__(self, gone=(), come=None):
        self.gone, self.come = tuple(gone), dict(come or {})

    def on(self, tree):
        after = {path: node for path, node in tree.items()
                 if path not in self.gone}
        after.update(self.come)
        return after


NOTHING = Change()


class Op:
    """One request as its client saw it (reliability.md section 6)."""

    __slots__ = ("client", "number", "method", "path", "target", "digest",
                 "start", "end", "outcome", "status", "change")

    def __init__(self, client, number, method, path, **known):
        self.client, self.number = client, number
        self.method, self.path = method, path
        self.target, self.digest = known.get("target"), known.get("digest")
        self.change = known.get("change", NOTHING)
        self.start = known.get("start")
        self.end, self.status, self.outcome = None, None, "unknown"

    def close(self, status, good, end):
        self.status, self.end = status, end
        self.outcome = "ok" if good else "failed"

    def row(self):
        return {name: getattr(self, name) for name in self.__slots__
                if name != "change"}


def tree_at(before, ops, position):
    """The tree that must be there when all ends at this position, and the one
    that also may (None: only the first)."""
    tree, maybe = dict(before), None
    for op in ops:
        if op.start >= position:
            break
        if op.outcome == "failed":
            continue
        if op.outcome == "ok" and op.end <= position:
            tree = op.change.on(tree)
            maybe = None
        else:
            maybe = op.change.on(tree)
            break
    return tree, maybe


def node_fits(wanted, seen):
    if wanted.lock == SOME and seen.lock is not None:
        seen = seen._replace(lock=SOME)
    return wanted == seen


def tree_fits(wanted, seen):
    return wanted is not None and wanted.keys() == seen.keys() and all(
        node_fits(node, seen[path]) for path, node in wanted.items())


def differences(wanted, seen):
    """A few words on what is missing, strange or changed."""
    lost = [path for path in wanted if path not in seen]
    strange = [path for path in seen if path not in wanted]
    changed = [(path, wanted[path], seen[path]) for path in wanted
               if path in seen and not node_fits(wanted[path], seen[path])]
    return "lost %s, never sent %s, changed %s" % (
        lost[:3], strange[:3], changed[:2])
