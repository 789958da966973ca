"""The world of reliability.md section 2: cells, users, a tree of canaries.

Cells a (alice manages) and b (carol manages).  bob reads a and writes b,
except a/private, which he is denied; dave has a/docs alone; mallory has
nothing; root is the administrator.
"""

import secrets

from celldav import Server
from check import World

TREE = {
    "a": ("docs/plan.docx", "docs/plan.pdf", "docs/pic.png",
          "docs/locked.txt", "docs/\u00e9.txt", "docsecret/x.txt",
          "private/p.txt"),
    "b": ("secret.txt", "locked.txt"),
}
OWNERS = {"a": "alice", "b": "carol"}
# Whose canaries must never be seen by whom: user -> prefixes.
FOREIGN = {
    "alice": ("b/",), "bob": ("a/private/",),
    "carol": ("a/",), "dave": ("a/docsecret/", "a/private/", "b/"),
    "mallory": ("a/", "b/"), None: ("a/", "b/"),
}


class Cells(World):
    """The world above, served."""

    def __init__(self, limits=None, conf=None, scheme=""):
        self.server = Server(limits, conf, scheme)
        self.count = 0
        self.canaries = {}
        self._accounts()
        self.server.start()
        self.clients = {}
        self._tree()
        self._grants()
        for user in FOREIGN:
            self.clients[user] = self.client(user)
        self.alice, self.bob = self.clients["alice"], self.clients["bob"]
        self.carol, self.dave = self.clients["carol"], self.clients["dave"]
        self.mallory = self.clients["mallory"]
        self.nobody = self.clients[None]

    def _accounts(self):
        for user in ("alice", "bob", "carol", "dave", "mallory"):
            self.server.user(user)
        for cell, owner in OWNERS.items():
            self.server.cell(cell, owner)

    def _tree(self):
        for cell, paths in TREE.items():
            with self.server.client(OWNERS[cell]) as owner:
                for name in sorted({p.split("/")[0] for p in paths
                                    if "/" in p}):
                    self.status(owner.mkcol("/dav/%s/%s/" % (cell, name)),
                                201)
                for path in paths:
                    canary = secrets.token_hex(16).encode()
                    self.canaries["%s/%s" % (cell, path)] = canary
                    url = "/dav/%s/%s" % (cell, path.replace("\u00e9",
                                                             "%C3%A9"))
                    self.status(owner.put(url, b"canary " + canary), 201)

    def _grants(self):
        self.server.grant("a", "user:bob", "download-original")
        self.server.grant("a/private", "user:bob", "no-access")
        self.server.grant("a/docs", "user:dave", "contributor")
        self.server.grant("b", "user:bob", "contributor")

    def client(self, user=None, tls=None):
        """A further client of a user, who must see no foreign canary."""
        client = self.server.client(user, tls)
        for prefix in FOREIGN.get(user, ()):
            client.forbidden.update(c for p, c in self.canaries.items()
                                    if p.startswith(prefix))
        return client

    def fresh(self, client=None, cell="a"):
        """A new empty collection for a case: its path, with a slash."""
        self.count += 1
        path = "/dav/%s/case-%d/" % (cell, self.count)
        self.status((client or self.clients[OWNERS[cell]]).mkcol(path), 201)
        return path

    def file(self, body=b"content", client=None, cell="a", name="file.txt"):
        """A new file in a new collection: its path."""
        path = self.fresh(client, cell) + name
        self.status((client or self.clients[OWNERS[cell]]).put(path, body),
                    201)
        return path

    def refused(self, *arguments):
        """A command that ends with 1 and one line (interface.md 1)."""
        done = self.server.run(*arguments)
        self.eq(done.returncode, 1, "exit status of %r: %s%s"
                % (arguments, done.stdout, done.stderr))
        self.eq(len(done.stderr.strip().split("\n")), 1,
                "lines on stderr: %r" % done.stderr)
        self.true(done.stderr.strip(), "%r says nothing", arguments)
