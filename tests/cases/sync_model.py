#!/usr/bin/python3 -B
"""RFC 6578: replicas that live on answers of sync-collection alone.

    sync_model.py [SECONDS [SEED]]

Random changes by an owner, and grants that come and go, are seen by several
subjects.  After each synchronisation a replica must be what a walk by PROPFIND
shows its subject, no answer names anything twice, and none names what its
subject could not have seen since the replica began.  A replica that is deaf to
removals goes along: unless it went wrong, the test could not see a fault.
"""

import os
import random
import sys
import time
from urllib.parse import quote, unquote

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from check import case, main                                     # noqa: E402
from davxml import DAV                                           # noqa: E402
from world import Cells                                          # noqa: E402

SECONDS, ROUND = 3.5, 60
NAMES = ("a", "b", "c d", "\u00e9")
MORE_NAMES = NAMES + tuple("fghijkmn")    # collections are replaced less
RIGHTS = ("no-access", "no-access", "no-access", "view", "contributor")
ROUNDS_LEAST = 20    # that a slow build gives the deaf one
PAGE = 12
WANTED = "<resourcetype/><getetag/>"


def key_of(href):
    return unquote(href).rstrip("/")


def told(item):
    """What is kept of a member.  The etag of a collection changes with what
    is far below, which is no change of the member (RFC 6578 3.5.1)."""
    if item.is_collection:
        return "collection"
    return item.text(DAV + "getetag")


class Replica:
    """What one subject knows of one collection, by answers alone."""

    def __init__(self, subject, level, deaf=False):
        self.subject, self.level, self.deaf = subject, level, deaf
        self.forget()

    def forget(self):
        self.token, self.members, self.seen = "", {}, set()
        self.midway = False    # the last page said that there is more

    def drop(self, key):
        for name in [k for k in self.members
                     if k == key or k.startswith(key + "/")]:
            del self.members[name]

    def apply(self, item):
        key = key_of(item.href)
        if item.status == 404:
            if not self.deaf:
                self.drop(key)
            return
        value = told(item)
        if value != "collection":
            self.drop(key)
        self.members[key] = value

    def __repr__(self):
        return "%s, level %s" % (self.subject, self.level)


class Model:
    """A folder, what changes it, and who looks at it."""

    def __init__(self, t, dice):
        self.t, self.dice = t, dice
        self.names = dice.choice((NAMES, MORE_NAMES, MORE_NAMES))
        self.root, self.beside = t.fresh(), t.fresh()
        self.abroad = t.fresh(cell="b")
        self.log, self.counts = [], {}
        t.server.grant("b", "user:alice", "co-owner")
        for place in (self.root, self.beside):
            t.server.grant(self.place(place), "user:dave", "view")
        t.server.grant(self.place(self.beside), "user:bob", "no-access")
        self.replicas = [Replica(subject, level)
                         for subject in ("alice", "bob", "dave")
                         for level in ("1", "infinite", "infinite")]
        self.deaf = Replica("bob", "infinite", deaf=True)
        self.deaf_was_wrong = False
        self.sights = {}
        self.look()

    @staticmethod
    def place(path):
        """What grants call it: cell and names."""
        return unquote(path)[len("/dav/"):].rstrip("/")

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    # -- sights ----------------------------------------------------------

    def walk(self, subject, deep=True):
        client, found, queue = self.t.clients[subject], {}, [self.root]
        while queue:
            at = queue.pop()
            answer = self.t.status(client.propfind(
                at, "1", [DAV + "resourcetype", DAV + "getetag"]), 207)
            for item in answer.items():
                if item.href == at:
                    continue
                found[key_of(item.href)] = told(item)
                if deep and item.is_collection:
                    queue.append(item.href)
        return found

    def look(self):
        """What everybody may have seen grows by what there is now."""
        for subject in ("alice", "bob", "dave"):
            self.sights[subject] = set(self.walk(subject))
        for replica in self.replicas:
            replica.seen |= self.sights[replica.subject]

    # -- changes ---------------------------------------------------------

    def there(self, root):
        """Paths of all below, as the owner sees them."""
        found, queue = [], [root]
        while queue:
            at = queue.pop()
            answer = self.t.alice.propfind(at, "1", [DAV + "resourcetype"])
            for item in answer.items():
                if item.href != at:
                    found.append(item.href)
                    if item.is_collection:
                        queue.append(item.href)
        return found

    def pick(self):
        there = self.there(self.root)
        return self.dice.choice(there) if there else None

    def new_path(self):
        folders = [self.root] + [p for p in self.there(self.root)
                                 if p.endswith("/") and p.count("/") < 7]
        if self.dice.random() < 0.15:
            folders = [self.beside]
        return self.dice.choice(folders) + quote(self.dice.choice(self.names))

    def transfer(self, verb):
        where = self.beside if self.dice.random() < 0.4 else self.root
        there = self.there(where)
        if not there:
            return None
        source = self.dice.choice(there)
        target = self.new_path()
        if verb == "MOVE" and self.dice.random() < 0.06:
            target = self.abroad + quote(self.dice.choice(self.names))
        if source.endswith("/"):
            target += "/"
        self.log.append("%s %s %s" % (verb, source, target))
        client = self.t.alice
        return (client.move if verb == "MOVE" else client.copy)(
            source, target)

    def back(self):
        """From another tree, with nothing that this one knew of it."""
        there = [p for p in self.there(self.abroad)]
        if not there:
            return None
        source, target = self.dice.choice(there), self.new_path()
        target += "/" if source.endswith("/") else ""
        self.log.append("MOVE %s %s" % (source, target))
        return self.t.alice.move(source, target)

    def put(self):
        path = self.new_path()
        self.log.append("PUT " + path)
        return self.t.alice.put(path, b"%d" % self.dice.randrange(1000))

    def mkcol(self):
        path = self.new_path() + "/"
        self.log.append("MKCOL " + path)
        return self.t.alice.mkcol(path)

    def delete(self):
        path = self.pick()
        if path is None:
            return None
        self.log.append("DELETE " + path)
        return self.t.alice.delete(path)

    def proppatch(self):
        path = self.pick()
        if path is None:
            return None
        self.log.append("PROPPATCH " + path)
        return self.t.alice.proppatch(path, [("{urn:t}p", "1")])

    def grant(self):
        path = self.pick()
        if path is None:
            return None
        who = self.dice.choice(("user:bob", "user:bob", "user:dave",
                                "group:model"))
        if self.dice.random() < 0.4:
            self.log.append("revoke %s %s" % (path, who))
            return self.t.server.run("grant", "revoke", self.place(path), who)
        rights = self.dice.choice(RIGHTS)
        self.log.append("grant %s %s %s" % (path, who, rights))
        return self.t.server.grant(self.place(path), who, rights)

    def restore(self):
        """The newest of what was deleted comes back, if it can."""
        items = self.t.server.json("trash", "list", "a")
        if items:
            self.log.append("restore %r" % items[0])
            self.t.server.run("trash", "restore", "a", str(items[0]["id"]))

    def purge(self):
        self.log.append("trash empty, gc")
        self.t.server.command("trash", "empty", "a")
        self.t.server.command("gc")

    def change(self):
        verbs = {self.put: 20, self.mkcol: 14, self.delete: 14,
                 self.proppatch: 4, self.grant: 22, self.purge: 1,
                 self.back: 3, self.restore: 3}
        verb = self.dice.choices(
            list(verbs) + ["MOVE", "COPY"], list(verbs.values()) + [20, 5])[0]
        answer = self.transfer(verb) if isinstance(verb, str) else verb()
        if hasattr(answer, "status"):
            self.t.status(answer, 201, 204, 207, 403, 404, 405, 409)
            self.count("changes" if answer.status < 300 else "refused")
        self.look()

    # -- synchronisation -------------------------------------------------

    def page(self, replica):
        """One answer; whether there is more."""
        limit = self.dice.choice((None, None, 1, 2, 3, 5))
        more = "" if limit is None else \
            "<limit><nresults>%d</nresults></limit>" % limit
        answer = self.t.clients[replica.subject].report(
            self.root, '<sync-collection xmlns="DAV:"><sync-token>%s'
            '</sync-token><sync-level>%s</sync-level>%s<prop>%s</prop>'
            '</sync-collection>' % (replica.token, replica.level, more,
                                    WANTED))
        self.count("pages")
        if answer.status == 403 and replica.token:
            self.t.error(answer, 403, DAV + "valid-sync-token")
            self.count("tokens refused")
            self.log.append("  refused: %r" % replica)
            replica.forget()
            replica.seen |= self.sights[replica.subject]
            return True
        self.t.status(answer, 207)
        return self.page_apply(replica, answer, limit or PAGE)

    def page_apply(self, replica, answer, limit):
        keys, truncated = set(), False
        for item in answer.items():
            key = key_of(item.href)
            self.log.append("  %r: %s %s" % (
                replica, item.status or "ok", item.href))
            if key == key_of(self.root):
                self.t.eq(item.status, 507, "status of the collection")
                truncated = True
                continue
            self.t.true(key not in keys, "%s twice for %r", key, replica)
            self.t.true(replica.deaf or key in replica.seen,
                        "%s was never seen by %r", key, replica)
            keys.add(key)
            replica.apply(item)
        self.t.true(len(keys) <= limit, "%d of %d results", len(keys), limit)
        replica.token = answer.xml().findtext(DAV + "sync-token")
        replica.midway = truncated
        return truncated

    def sync(self, replica):
        """To the end, with nothing between; then it must be right."""
        self.log.append("  sync: %r" % replica)
        begun = replica.midway    # a listing ends where it began in time
        while self.page(replica):
            pass
        while begun and self.page(replica):
            pass
        self.count("syncs")
        right = self.walk(replica.subject, replica.level != "1")
        if replica.deaf:
            self.deaf_was_wrong |= replica.members != right
            return
        self.t.true(replica.members == right, "%r has %r, and there is %r",
                    replica, sorted(set(replica.members.items())
                                    - set(right.items())),
                    sorted(set(right.items())
                           - set(replica.members.items())))

    def step(self):
        chance = self.dice.random()
        if chance < 0.70:
            self.change()
        elif chance < 0.80:    # cut off, perhaps between two pages
            self.log.append("  part")
            self.page(self.dice.choice(self.replicas))
        else:
            self.sync(self.dice.choice(self.replicas + [self.deaf]))

    def end(self):
        for replica in self.replicas + [self.deaf]:
            self.sync(replica)


def rounds(t, seconds, seed):
    """Counts, and whether some deaf replica was found out."""
    counts, deaf, number = {}, False, 0
    end = time.monotonic() + seconds
    while time.monotonic() < end or (not deaf and number < ROUNDS_LEAST):
        model = Model(t, random.Random("%s-%d" % (seed, number)))
        try:
            model.sync(model.deaf)
            for _ in range(ROUND):
                model.step()
            model.end()
        except AssertionError:
            print("round %d of seed %s:\n%s" % (
                number, seed, "\n".join(model.log[-1000:])))
            raise
        deaf |= model.deaf_was_wrong
        number += 1
        for what, count in model.counts.items():
            counts[what] = counts.get(what, 0) + count
    counts["rounds"] = number
    return counts, deaf


@case("RFC 6578 3.5, rights.md 6: a replica built from answers is what"
      " PROPFIND shows, after any changes")
def model(t):
    seconds = float(arguments[0]) if arguments else SECONDS
    seed = arguments[1] if len(arguments) > 1 else str(random.randrange(10**9))
    print("seed", seed)
    t.server.group("model", "bob", "dave")
    counts, deaf = rounds(t, seconds, seed)
    print(", ".join("%d %s" % (n, what) for what, n in counts.items()))
    t.true(deaf, "a replica that is deaf to removals is not found out")
    t.true(counts["syncs"] > counts.get("tokens refused", 0),
           "more tokens are refused than taken: %r", counts)
    t.server.command("verify")


def build():
    return Cells(limits={"sync_results": PAGE})


if __name__ == "__main__":
    arguments = sys.argv[1:]
    del sys.argv[1:]
    main(build)
