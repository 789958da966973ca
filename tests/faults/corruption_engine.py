#!/usr/bin/python3
"""seconds: 900
R9: a damaged page of the engine is refused with a message, never a crash.

A store is filled and closed. Then, as often as asked, a copy of it is taken,
one page of one file of its engine is overwritten (noise, zeros, a flipped
bit, another page of the same file) or the file is cut short, and every
command that reads is run on it, and the server. None may die of a signal,
what is refused must say so in a line, and whatever the server does send as a
complete 200 must be what was stored.

    corruption_engine.py [PAGES [SEED]]
"""

import os
import random
import shutil
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
from campaign import LONG, LOST, Campaign, a_server, files_below, get \
    # noqa: E402
from celldav import FixtureError  # noqa: E402

PAGE = 4096
FILES = 60
COMMANDS = [("verify",), ("scrub",), ("stats",), ("user", "list"),
            ("gc",), ("trash", "list", "rot")]


def noise(file, at, chance):
    file.seek(at)
    file.write(chance.randbytes(PAGE))


def zeros(file, at, _):
    file.seek(at)
    file.write(bytes(PAGE))


def bit(file, at, chance):
    at += chance.randrange(PAGE)
    file.seek(at)
    byte = file.read(1)
    file.seek(at)
    file.write(bytes([(byte[0] if byte else 0) ^ 1 << chance.randrange(8)]))


def another(file, at, chance):
    size = os.fstat(file.fileno()).st_size
    file.seek(chance.randrange(max(1, size // PAGE)) * PAGE)
    page = file.read(PAGE)
    file.seek(at)
    file.write(page)


def short(file, at, _):
    file.truncate(at)


KINDS = [noise, zeros, bit, another, short]


class Pages:
    def __init__(self, pages, seed):
        self.campaign = Campaign("corruption_engine")
        self.chance = random.Random(seed)
        self.pages, self.bodies = pages, {}
        self.refused = self.served = self.logged = self.aborted = 0
        self.server = a_server(cell="rot")
        self.state = os.path.join(self.server.dir, "state")
        self.good = os.path.join(self.server.scratch, "good")

    def fill(self):
        self.server.start()
        with self.server.client("alice") as client:
            for number in range(FILES):
                path = "/dav/rot/%d" % number
                body = self.chance.randbytes(
                    self.chance.choice([10, 900, 5000, 16000, 40000]))
                self.campaign.must(client.put(path, body).status == 201,
                                   "cannot fill " + path)
                client.proppatch(path, [("{urn:x}p", "v" * number)])
                self.bodies[path] = body
            client.delete("/dav/rot/0")
            del self.bodies["/dav/rot/0"]
        self.server.stop()
        shutil.copytree(self.state, self.good)

    def damage(self, kind):
        """A sentence on what was done."""
        shutil.rmtree(self.state)
        shutil.copytree(self.good, self.state)
        names = [name for name in files_below(
            os.path.join(self.state, "engine"))
            if not name.endswith("lock.mdb") and os.path.getsize(name)]
        name = self.chance.choice(names)
        at = self.chance.randrange(-(-os.path.getsize(name) // PAGE)) * PAGE
        with open(name, "r+b") as file:
            kind(file, at, self.chance)
        return "%s at page %d of %s" % (kind.__name__, at // PAGE,
                                        os.path.basename(name))

    def ask(self, what):
        for words in COMMANDS:
            done = self.server.run(*words)
            text = (done.stderr or done.stdout).strip()
            # LMDB's own checks end the process, with a sentence.
            stopped = done.returncode == -signal.SIGABRT and bool(text)
            self.aborted += stopped
            self.campaign.must(
                done.returncode in (0, 1) or stopped,
                "%s: celldav %s ends with %d %s" % (
                    what, " ".join(words), done.returncode, text[-200:]))
            self.campaign.must(
                done.returncode == 0 or text,
                "%s: celldav %s fails without a word" % (what, words[0]))

    def serve(self, what):
        self.logged = len(self.server.log())
        try:
            self.server.start(seconds=30)
        except FixtureError as error:
            self.refused += 1
            status = self.server.process.wait(10)
            self.server.process = None
            said = self.server.log()[self.logged:]
            self.campaign.must(
                status == 1 and ("celldav: " in said or "=error" in said),
                "%s: serve: %s %s" % (what, error, said[-300:]))
            return
        self.served += 1
        worker = self.server.worker
        with self.server.client("alice") as client:
            self.read(client, what)
            self.write(client)
        self.died(what, worker)
        self.leave()

    def died(self, what, worker):
        """Damage that is met while serving may end the process, which is
        started again; but with a sentence, and by no signal."""
        said = self.server.log()[self.logged:]
        if self.server.worker_pid() == worker and "event=died" not in said:
            return
        self.aborted += 1
        self.campaign.must("celldav: a mapped file" in said or
                           "Assertion" in said, "%s: the server process died:"
                           " %s" % (what, said[-300:]))

    def leave(self):
        """A store whose engine is damaged need not close in order."""
        self.server.signal(signal.SIGKILL)
        self.server.process.wait()
        self.server.process = None

    def read(self, client, what):
        try:
            client.propfind("/dav/rot/", "1")
        except LOST:
            client.close()
        for path, body in self.bodies.items():
            status, got = get(client, path)
            self.campaign.must(
                status != 200 or got == body,
                "%s: GET of %s is complete and wrong" % (what, path))

    @staticmethod
    def write(client):
        for path in ("/dav/rot/1", "/dav/rot/new"):
            try:
                client.put(path, b"more")
            except LOST:
                client.close()

    def run(self):
        self.fill()
        for number in range(self.pages):
            what = self.damage(KINDS[number % len(KINDS)])
            self.campaign.point()
            self.ask(what)
            self.serve(what)
        self.campaign.say("%d starts refused, %d served what was whole, %d "
                          "processes ended at damage" % (
                              self.refused, self.served, self.aborted))
        self.server.close()
        return self.campaign.end()


def main(pages=300 if LONG else 15, seed=None):
    seed = seed if seed is not None else random.randrange(2 ** 32)
    print("pages %d, seed %d" % (pages, seed), flush=True)
    return Pages(pages, seed).run()


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
