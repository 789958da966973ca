#!/usr/bin/python3
"""exclusive: R1: kill -9 while 32 clients write; nothing acknowledged is lost.

Each client works alone in a collection of its own and remembers what it was
told. When the server dies, at most its last request has an unknown outcome:
after the restart its collection must be what was acknowledged, or that with
the last request done as a whole. `celldav verify` must be clean each time.

    kill9.py [ROUNDS [CLIENTS [SEED]]]
"""

import hashlib
import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import wire  # noqa: E402
from celldav import Server  # noqa: E402

ROUNDS, CLIENTS = 20, 32
SIZES = [1, 100, 4096, 16384, 16385, 70000, 600000, 3000000]
WEIGHTS = [8, 8, 30, 8, 8, 8, 4, 1]
LOST = (OSError, EOFError, wire.WireError)


def digest(body):
    return hashlib.sha256(body).hexdigest()


class Unknown(Exception):
    """The connection ended before the answer."""


class Writer(threading.Thread):
    """One client, its collection, and the tree that was acknowledged.

    A tree maps a path below the collection to (kind, content, property)."""

    def __init__(self, server, number, seed):
        super().__init__(daemon=True)
        self.base = "/dav/crash/w%d/" % number
        self.server, self.random = server, random.Random(seed)
        self.tree, self.maybe = {}, None
        self.acknowledged, self.fault = 0, None

    def run(self):
        self.maybe = None
        try:
            self.client = self.server.client("alice")
            while True:
                self.step()
        except Unknown:
            pass
        except LOST:
            pass
        except AssertionError as error:
            self.fault = str(error)

    def ask(self, method, path, after, headers=(), body=None,
            expected=(200, 201, 204, 207)):
        """Send; on an answer the tree becomes `after`, else it may."""
        self.maybe = after
        try:
            answer = self.client.request(method, self.base + path, headers,
                                         body)
        except LOST as error:
            raise Unknown from error
        if answer.status in (423, 503):
            # A lock that outlived the crash before (20 s), or a full queue:
            # refused, so nothing may have changed.
            self.maybe = None
            return None
        if answer.status not in expected:
            raise AssertionError("%s %s: %r" % (method, path, answer))
        self.tree, self.maybe = after, None
        self.acknowledged += 1
        return answer

    def files(self):
        return [path for path, value in self.tree.items()
                if value[0] == "file"]

    def folders(self):
        return [path for path, value in self.tree.items()
                if value[0] == "folder"]

    def fresh(self):
        folder = self.random.choice([""] + self.folders())
        return folder + "f%d" % self.random.randrange(10 ** 9)

    def step(self):
        choice = self.random.random()
        files, folders = self.files(), self.folders()
        if choice < 0.40 or not files:
            self.put(self.random.choice(files) if files and choice < 0.15
                     else self.fresh())
        elif choice < 0.50:
            self.transfer("MOVE", self.random.choice(files), self.fresh())
        elif choice < 0.60:
            self.transfer("COPY", self.random.choice(files), self.fresh())
        elif choice < 0.70:
            self.delete(self.random.choice(files))
        elif choice < 0.78:
            self.proppatch(self.random.choice(files))
        elif choice < 0.83:
            self.mkcol()
        elif choice < 0.90 and folders:
            self.transfer(self.random.choice(["MOVE", "COPY"]),
                          self.random.choice(folders), self.fresh() + "/")
        elif choice < 0.93 and folders:
            self.delete(self.random.choice(folders))
        else:
            self.lock(self.random.choice(files))

    def put(self, path):
        size = self.random.choices(SIZES, WEIGHTS)[0]
        body = self.random.randbytes(size)
        after = dict(self.tree)
        old = after.get(path)
        after[path] = ("file", digest(body), old[2] if old else None)
        self.ask("PUT", path, after, body=body)

    def mkcol(self):
        path = self.fresh() + "/"
        self.ask("MKCOL", path, {**self.tree, path: ("folder", None, None)})

    def delete(self, path):
        after = {key: value for key, value in self.tree.items()
                 if not key.startswith(path) or
                 (not path.endswith("/") and key != path)}
        self.ask("DELETE", path, after)

    def transfer(self, method, source, target):
        if target.startswith(source) and source.endswith("/"):
            return
        moved = [key for key in self.tree if key == source or
                 (source.endswith("/") and key.startswith(source))]
        after = {key: value for key, value in self.tree.items()
                 if method == "COPY" or key not in moved}
        for key in moved:
            after[target + key[len(source):]] = self.tree[key]
        self.ask(method, source, after, [
            ("Destination", self.client.origin + self.base + target),
            ("Overwrite", "F")])

    def proppatch(self, path):
        value = "%x" % self.random.getrandbits(64)
        kind, content, _ = self.tree[path]
        self.ask("PROPPATCH", path,
                 {**self.tree, path: (kind, content, value)}, body=(
                     '<d:propertyupdate xmlns:d="DAV:"><d:set><d:prop>'
                     '<n xmlns="urn:crash">%s</n></d:prop></d:set>'
                     '</d:propertyupdate>' % value).encode())

    def lock(self, path):
        answer = self.ask("LOCK", path, self.tree, body=(
            b'<d:lockinfo xmlns:d="DAV:"><d:lockscope><d:exclusive/>'
            b'</d:lockscope><d:locktype><d:write/></d:locktype>'
            b'</d:lockinfo>'), headers=[("Timeout", "Second-20")])
        if answer is not None:
            self.ask("UNLOCK", path, self.tree,
                     [("Lock-Token", answer.get("Lock-Token"))])

    # -- after the crash -----------------------------------------------

    def seen(self, client):
        """The tree as the server shows it now."""
        found, todo = {}, [self.base]
        names = ("{DAV:}resourcetype", "{urn:crash}n")
        while todo:
            answer = client.propfind(todo.pop(), "1", names)
            for item in answer.items()[1:]:
                path = item.href[len(self.base):]
                prop = item.text("{urn:crash}n")
                if item.href.endswith("/"):
                    found[path] = ("folder", None, prop)
                    todo.append(item.href)
                else:
                    body = client.get(item.href).body
                    found[path] = ("file", digest(body), prop)
        return found

    def check(self, client):
        seen = self.seen(client)
        if seen == self.tree or seen == self.maybe:
            self.tree = seen
            return None
        return "%s: acknowledged but not there: %s; there but never sent: " \
            "%s" % (self.base,
                    sorted(set(self.tree.items()) - set(seen.items()))[:3],
                    sorted(set(seen.items()) - set(self.tree.items()))[:3])


def a_round(server, writers, pause):
    """Work, kill, restart: a list of violations."""
    for writer in writers:
        writer.start()
    time.sleep(pause)
    server.kill()
    for writer in writers:
        writer.join(60)
    faults = [writer.fault for writer in writers if writer.fault]
    server.start()
    with server.client("alice") as client:
        faults += [fault for fault in
                   (writer.check(client) for writer in writers) if fault]
    done = server.run("verify")
    if done.returncode != 0:
        faults.append("verify: " + done.stdout[-500:] + done.stderr[-500:])
    return faults


def main(rounds=ROUNDS, clients=CLIENTS, seed=None):
    seed = seed if seed is not None else random.randrange(2 ** 32)
    print("rounds %d, clients %d, seed %d" % (rounds, clients, seed))
    chance = random.Random(seed)
    server = Server(conf={("log", "access"): "off"})
    server.user("alice")
    server.cell("crash", "alice")
    server.start()
    with server.client("alice") as client:
        for number in range(clients):
            client.mkcol("/dav/crash/w%d/" % number)
    trees, total, faults = [{}] * clients, 0, []
    for number in range(rounds):
        writers = [Writer(server, i, chance.randrange(2 ** 32))
                   for i in range(clients)]
        for writer, tree in zip(writers, trees):
            writer.tree = tree
        faults = a_round(server, writers, chance.uniform(0.05, 2.0))
        trees = [writer.tree for writer in writers]
        total += sum(writer.acknowledged for writer in writers)
        print("round %d: %d acknowledged in all, %d violations"
              % (number + 1, total, len(faults)), flush=True)
        if faults:
            break
    for fault in faults:
        print("VIOLATION", fault)
    server.close()
    return 1 if faults or total < rounds else 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
