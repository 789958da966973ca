"""The operations that are cut at every call: how each is prepared and done."""

from _load import body_of
from _model import FILE, FOLDER, SOME, Change, Node, digest_of

SMALL, LARGE = 300, 200000


def put(writer, path, size):
    body = body_of(writer.random, size)
    old = writer.tree.get(path)
    node = Node(FILE, digest_of(body), old.prop if old else None, None)
    writer.ask("PUT", path, Change(come={path: node}), body=body)


def mkcol(writer, path):
    writer.ask("MKCOL", path,
               Change(come={path: Node(FOLDER, None, None, None)}))


def some_tree(writer):
    """A collection with contents of both kinds, a property, a folder."""
    mkcol(writer, "c/")
    mkcol(writer, "c/d/")
    put(writer, "c/small", SMALL)
    put(writer, "c/d/large", LARGE)
    writer.proppatch("c/small")


def one_file(writer):
    put(writer, "a", SMALL)


def large_file(writer):
    put(writer, "a", LARGE)


def two_files(writer):
    put(writer, "a", SMALL)
    put(writer, "b", LARGE)


def nothing(_):
    pass


def locked(writer):
    put(writer, "a", SMALL)
    lock(writer)


def lock(writer):
    node = writer.tree["a"]
    change = Change(come={"a": node._replace(lock=SOME)})
    answer = writer.ask(
        "LOCK", "a", change, [("Timeout", "Second-3600"), ("Depth", "0")],
        b'<d:lockinfo xmlns:d="DAV:"><d:lockscope><d:exclusive/>'
        b'</d:lockscope><d:locktype><d:write/></d:locktype></d:lockinfo>')
    writer.token = answer.get("Lock-Token")


def unlock(writer):
    node = writer.tree["a"]._replace(lock=None)
    writer.ask("UNLOCK", "a", Change(come={"a": node}),
               [("Lock-Token", writer.token)])


# Name, what is there before, what is cut.
OPERATIONS = [
    ("PUT new, small", nothing, lambda w: put(w, "a", SMALL)),
    ("PUT new, large", nothing, lambda w: put(w, "a", LARGE)),
    ("PUT over, small", large_file, lambda w: put(w, "a", SMALL)),
    ("PUT over, large", one_file, lambda w: put(w, "a", LARGE)),
    ("MKCOL", nothing, lambda w: mkcol(w, "c/")),
    ("MOVE file", one_file, lambda w: w.transfer("MOVE", "a", "b")),
    ("MOVE over", two_files, lambda w: w.transfer("MOVE", "a", "b")),
    ("MOVE collection", some_tree,
     lambda w: w.transfer("MOVE", "c/", "e/")),
    ("COPY collection", some_tree,
     lambda w: w.transfer("COPY", "c/", "e/")),
    ("DELETE collection", some_tree, lambda w: w.delete("c/")),
    ("PROPPATCH", one_file, lambda w: w.proppatch("a")),
    ("LOCK", one_file, lock),
    ("UNLOCK", locked, unlock),
]
