"""Clients that change their own collection until the server dies.

    clients = [Writer(server, number, seed, clock) for number in range(64)]

The mix is that of reliability.md R1: PUT 40 (1 B to 32 MiB), MOVE 15, COPY 15,
DELETE 15, PROPPATCH and LOCK 10; links come with links, their 5 % are MKCOL.
`clock` gives the time that stands in the history: a monotonic clock, or the
position of a record of system calls.
"""

import random
import re
import threading
from urllib.parse import unquote

import wire
from _model import FILE, FOLDER, NOTHING, SOME, Change, Node, Op, \
    differences, digest_of, tree_at, tree_fits

SIZES = [1, 100, 4096, 16384, 16385, 70000, 600000, 3 << 20, 32 << 20]
WEIGHTS = [80, 80, 300, 80, 80, 80, 40, 8, 1]
NODES_MOST = 60
LOST = (OSError, EOFError, wire.WireError)
# 423: a lock of which the answer was lost; 503: a full queue; 507: no room.
REFUSED = (423, 503, 507)
PROPS = ("{DAV:}resourcetype", "{urn:crash}n", "{DAV:}lockdiscovery",
         "{DAV:}getetag")
_POOL = random.Random(1).randbytes(1 << 20)


class Unknown(Exception):
    """The connection ended before the answer."""


class OnceClient(wire.Client):
    """A client that never sends a request twice: what became of the first
    one would not be known."""

    def _exchange(self, data, method):
        if self.connection is None:
            self.connection = self.connect()
        try:
            return self._once(data, method)
        except LOST:
            self.close()
            raise


def once_client(server, user):
    return OnceClient("127.0.0.1", server.port, user,
                      server.password_of(user))


def body_of(chance, size):
    """Bytes that no other body has, without the cost of fresh ones."""
    head = chance.randbytes(min(size, 16))
    at = chance.randrange(1 << 16)
    rest = size - len(head)
    pool = _POOL[at:at + rest]
    while len(pool) < rest:
        pool += _POOL[:rest - len(pool)]
    return head + pool


class Writer(threading.Thread):
    """One client, its collection, and what it was told."""

    def __init__(self, server, number, seed, clock, **options):
        super().__init__(daemon=True)
        self.base = "%sw%d/" % (options.get("root", "/dav/crash/"), number)
        self.number, self.server, self.clock = number, server, clock
        self.random = random.Random(seed)
        self.sizes = options.get("sizes", (SIZES, WEIGHTS))
        self.before = self.tree = options.get("tree", {})
        self.limit = options.get("limit")
        self.pace = options.get("pace", lambda: None)
        self.ops, self.fault, self.client = [], None, None
        self.ending = False

    def run(self):
        try:
            self.client = once_client(self.server, "alice")
            while not self.ending and \
                    (self.limit is None or len(self.ops) < self.limit):
                self.pace()
                self.step()
        except (Unknown, *LOST):
            pass
        except AssertionError as error:
            self.fault = str(error)
        finally:
            if self.client is not None:
                self.client.close()

    def ask(self, method, path, change=NOTHING, headers=(), body=None,
            **known):
        """Send; on an answer the tree changes. None when it was refused."""
        op = Op(self.number, len(self.ops), method, path, change=change,
                start=self.clock(), **known)
        self.ops.append(op)
        try:
            answer = self.client.request(method, self.base + path, headers,
                                         body)
        except LOST as error:
            raise Unknown from error
        op.close(answer.status, answer.status in (200, 201, 204, 207),
                 self.clock())
        if op.outcome == "ok":
            self.tree = change.on(self.tree)
            return answer
        if answer.status not in REFUSED:
            raise AssertionError("%s %s%s: %r" % (method, self.base, path,
                                                  answer))
        return None

    # -- what there is -------------------------------------------------

    def free(self, kind):
        """Paths of a kind that no lock is on or below."""
        locked = [path for path, node in self.tree.items() if node.lock]
        return [path for path, node in self.tree.items()
                if node.kind == kind and
                not any(lock.startswith(path) for lock in locked)]

    def fresh(self):
        folder = self.random.choice([""] + [
            path for path, node in self.tree.items() if node.kind == FOLDER])
        if folder.count("/") > 8:
            folder = ""
        return folder + "f%d" % self.random.randrange(10 ** 9)

    def below(self, path):
        return [key for key in self.tree if key == path or
                (path.endswith("/") and key.startswith(path))]

    # -- one operation -------------------------------------------------

    def step(self):
        choice, chance = self.random.random(), self.random
        files, folders = self.free(FILE), self.free(FOLDER)
        if len(self.tree) > NODES_MOST and choice > 0.5:
            self.delete(chance.choice(folders or files))
        elif choice < 0.40 or len(files) < 2:
            self.put(chance.choice(files) if files and choice < 0.15
                     else self.fresh())
        elif choice < 0.70:
            self.step_transfer("MOVE" if choice < 0.55 else "COPY",
                               files, folders)
        elif choice < 0.85:
            self.delete(chance.choice(files + folders))
        elif choice < 0.90:
            self.proppatch(chance.choice(files + folders))
        elif choice < 0.95:
            self.lock(chance.choice(files))
        else:
            self.mkcol()

    def step_transfer(self, method, files, folders):
        choice, chance = self.random.random(), self.random
        source = chance.choice(files)
        if choice < 0.25 and folders:
            source = chance.choice(folders)
            self.transfer(method, source, self.fresh() + "/")
        elif choice < 0.5:
            self.transfer(method, source,
                          chance.choice([p for p in files if p != source]))
        else:
            self.transfer(method, source, self.fresh())

    def put(self, path):
        body = body_of(self.random, self.random.choices(*self.sizes)[0])
        old = self.tree.get(path)
        node = Node(FILE, digest_of(body), old.prop if old else None, None)
        self.ask("PUT", path, Change(come={path: node}), body=body,
                 digest=node.digest)

    def mkcol(self):
        path = self.fresh() + "/"
        self.ask("MKCOL", path,
                 Change(come={path: Node(FOLDER, None, None, None)}))

    def delete(self, path):
        self.ask("DELETE", path, Change(gone=self.below(path)))

    def transfer(self, method, source, target):
        if target.startswith(source) and source.endswith("/"):
            return
        moved = self.below(source)
        come = {target + key[len(source):]: self.tree[key] for key in moved}
        if method == "MOVE" and target in self.tree:
            # A safe save: the file stays itself, with its properties.
            come[target] = come[target]._replace(prop=self.tree[target].prop)
        change = Change(moved if method == "MOVE" else (), come)
        self.ask(method, source, change, [
            ("Destination", self.client.origin + self.base + target),
            ("Overwrite", "T" if target in self.tree else "F")],
            target=target)

    def proppatch(self, path):
        value = "%x" % self.random.getrandbits(64)
        node = self.tree[path]._replace(prop=value)
        self.ask("PROPPATCH", path, Change(come={path: node}), body=(
            '<d:propertyupdate xmlns:d="DAV:"><d:set><d:prop>'
            '<n xmlns="urn:crash">%s</n></d:prop></d:set>'
            '</d:propertyupdate>' % value).encode())

    def lock(self, path):
        """Lock, change under the lock, unlock: the crash comes between."""
        node = self.tree[path]
        answer = self.ask(
            "LOCK", path, Change(come={path: node._replace(lock=SOME)}),
            [("Timeout", "Second-3600"), ("Depth", "0")],
            b'<d:lockinfo xmlns:d="DAV:"><d:lockscope><d:exclusive/>'
            b'</d:lockscope><d:locktype><d:write/></d:locktype>'
            b'</d:lockinfo>')
        if answer is None:
            return
        token = wire.lock_token(answer)
        self.tree[path] = node._replace(lock=token)
        self.ops[-1].change.come[path] = self.tree[path]
        body = body_of(self.random, 5000)
        held = Node(FILE, digest_of(body), node.prop, token)
        self.ask("PUT", path, Change(come={path: held}),
                 [("If", "(<%s>)" % token)], body, digest=held.digest)
        self.ask("UNLOCK", path, Change(come={
            path: self.tree[path]._replace(lock=None)}),
            [("Lock-Token", "<%s>" % token)])

    # -- after the crash -----------------------------------------------

    def check(self, client, position, etags=None):
        """None, or what is not as it must be at this position. The client
        goes on from what was found."""
        seen = look(client, self.base, etags)
        if isinstance(seen, str):
            return seen
        tree, maybe = tree_at(self.before, self.ops, position)
        if not tree_fits(tree, seen) and not tree_fits(maybe, seen):
            return "%s: %s" % (self.base, differences(tree, seen))
        self.tree = seen
        return None


def look(client, base, etags=None):
    """The tree as the server shows it now, or what is wrong with it."""
    found, todo = {}, [base]
    while todo:
        answer = client.propfind(todo.pop(), "1", PROPS)
        if answer.status != 207:
            return "PROPFIND below %s: %r" % (base, answer)
        for item in answer.items()[1:]:
            path = unquote(item.href)[len(base):]
            node = seen_node(client, item, etags)
            if isinstance(node, str):
                return node
            found[path] = node
            if node.kind == FOLDER:
                todo.append(item.href)
    return found


def seen_node(client, item, etags):
    prop = item.text("{urn:crash}n")
    if item.is_collection:
        return Node(FOLDER, None, prop, seen_lock(item))
    answer = client.get(item.href)
    if answer.status != 200:
        return "GET %s, which is listed: %r" % (item.href, answer)
    digest = digest_of(answer.body)
    if answer.etag != item.text("{DAV:}getetag"):
        return "%s has two ETags" % item.href
    if etags is not None and \
            etags.setdefault((item.href, answer.etag), digest) != digest:
        return "I7: %s %s means two contents" % (item.href, answer.etag)
    return Node(FILE, digest, prop, seen_lock(item))


def seen_lock(item):
    _, found = item.props.get("{DAV:}lockdiscovery", (404, None))
    if found is None:
        return None
    token = found.find(".//{DAV:}locktoken/{DAV:}href")
    if token is None:
        return None
    return re.sub(r"\s", "", token.text or "")


def unlock_all(client, writer):
    """What a crash left locked is let go, so that work can go on."""
    for path, node in list(writer.tree.items()):
        if node.lock is None:
            continue
        answer = client.unlock(writer.base + path, node.lock)
        if answer.status != 204:
            return "UNLOCK of what is shown as locked: %r" % answer
        writer.tree[path] = node._replace(lock=None)
    return None
