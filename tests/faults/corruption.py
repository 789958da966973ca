#!/usr/bin/python3
"""seconds: 900
R9: contents that rot on the disk are found, and never served as whole.

Of many files some are chosen at random and their contents damaged on the
disk: a bit flipped, cut short, a page of zeros, gone, two of one length
swapped. `celldav scrub` must name exactly these, `celldav verify` must name
those whose size is wrong; a server that has not read them yet must not send
one of them as a complete answer, and every other file as it was stored.

    corruption.py [VICTIMS [SEED]]
"""

import os
import random
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
from campaign import LONG, Campaign, a_server, blob_files, get  # noqa: E402

SIZES = [17000, 65536, 100001, 300000, 1048576]
PAGE = 4096
BULK = 64 << 20     # what the rate is measured with in the short form
RATE = 200 << 20    # aim, bytes per second


def flip(path, chance):
    with open(path, "r+b") as file:
        at = chance.randrange(os.path.getsize(path))
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1 << chance.randrange(8)]))


def truncate(path, chance):
    os.truncate(path, chance.randrange(os.path.getsize(path)))


def zero_page(path, chance):
    with open(path, "r+b") as file:
        file.seek(chance.randrange(os.path.getsize(path) // PAGE) * PAGE)
        file.write(bytes(PAGE))


def delete(path, _):
    os.unlink(path)


ONE_FILE = [flip, truncate, zero_page, delete]


def swap(one, other):
    os.rename(one, one + ".swap")
    os.rename(other, one)
    os.rename(one + ".swap", other)


def ids_of(text):
    return {int(word, 16) for word in re.findall(r"content ([0-9a-f]{16})",
                                                 text)}


class Corruption:
    def __init__(self, victims, seed):
        self.campaign = Campaign("corruption")
        self.chance = random.Random(seed)
        self.count = victims
        self.server = a_server(cell="rot")
        self.bodies, self.file_of, self.damaged = {}, {}, {}

    def fill(self):
        """Three times as many files as shall be damaged."""
        self.server.start()
        with self.server.client("alice") as client:
            for number in range(3 * self.count):
                path = "/dav/rot/%d" % number
                body = self.chance.randbytes(SIZES[number % len(SIZES)])
                self.campaign.must(client.put(path, body).status == 201,
                                   "cannot fill " + path)
                self.bodies[path] = body
            self.fill_bulk(client)
        self.server.stop()
        self.match_files()

    def fill_bulk(self, client):
        piece = self.chance.randbytes(8 << 20)
        for number in range(BULK // len(piece) * (4 if LONG else 1)):
            path = "/dav/rot/bulk%d" % number
            body = b"%08d" % number + piece
            self.campaign.must(client.put(path, body).status == 201, path)

    def match_files(self):
        of_body = {body: path for path, body in self.bodies.items()}
        for name in blob_files(self.server):
            with open(name, "rb") as file:
                path = of_body.get(file.read())
            if path:
                self.file_of[path] = name
        self.campaign.must(len(self.file_of) == len(self.bodies),
                           "not every content is a file of its own")

    def damage(self):
        """A fifth of the victims for each kind; swapping takes pairs."""
        chosen = self.chance.sample(sorted(self.file_of), len(self.file_of))
        pairs, singles = self.count // 10, self.count - self.count // 10 * 2
        for _ in range(pairs):
            one = chosen.pop()
            size = len(self.bodies[one])
            other = next(path for path in chosen
                         if len(self.bodies[path]) == size)
            chosen.remove(other)
            swap(self.file_of[one], self.file_of[other])
            self.damaged.update({one: "swap", other: "swap"})
        for number in range(singles):
            path, kind = chosen.pop(), ONE_FILE[number % len(ONE_FILE)]
            kind(self.file_of[path], self.chance)
            self.damaged[path] = kind.__name__
        self.campaign.point(len(self.damaged))

    def ids(self, kinds):
        return {int(os.path.basename(self.file_of[path]), 16)
                for path, kind in self.damaged.items() if kind in kinds}

    def scrub(self, when):
        since = time.monotonic()
        done = self.server.run("--json", "scrub")
        spent = time.monotonic() - since
        size = sum(os.path.getsize(name) for name in blob_files(self.server))
        self.campaign.say("scrub %s: %d MiB in %.2f s, %d MiB/s (aim %d)" % (
            when, size >> 20, spent, size / spent / 2 ** 20, RATE >> 20))
        return done

    def look(self):
        """What the commands find, against what was done."""
        must, done = self.campaign.must, self.scrub("after")
        found = ids_of(done.stdout + done.stderr)
        all_kinds = {"swap"} | {kind.__name__ for kind in ONE_FILE}
        hurt = self.ids(all_kinds)
        must(done.returncode == 1, "scrub ends with %d" % done.returncode)
        must(not hurt - found, "scrub misses %s" % sorted(
            self.damaged[path] for path, name in self.file_of.items()
            if int(os.path.basename(name), 16) in hurt - found))
        must(not found - hurt, "scrub: %d false alarms" % len(found - hurt))
        self.campaign.say("scrub found %d of %d, %d false alarms" % (
            len(found & hurt), len(hurt), len(found - hurt)))
        done = self.server.run("--json", "verify")
        found = ids_of(done.stdout + done.stderr)
        must(done.returncode == 1, "verify ends with %d" % done.returncode)
        must(not self.ids({"delete", "truncate"}) - found,
             "verify misses a content of the wrong size")
        must(not found - hurt, "verify: false alarms: %s" % done.stdout[:500])
        done = self.server.run("backup", os.path.join(self.server.scratch,
                                                      "broken.tar"))
        said = done.stderr + done.stdout
        must(done.returncode == 1 and ("content " in said or "blobs/" in said),
             "backup of a broken store: %d %s%s" % (
                 done.returncode, done.stdout, done.stderr))
        must(not os.path.exists(os.path.join(self.server.scratch,
                                             "broken.tar")),
             "a backup of a broken store was left")

    def read(self):
        """The server, which has read none of them yet, and a second time."""
        self.server.start()
        worker = self.server.worker
        for turn in ("first", "second"):
            with self.server.client("alice") as client:
                for path, body in self.bodies.items():
                    self.read_one(client, path, body, turn)
        self.campaign.must(self.server.worker_pid() == worker,
                           "the server process died of a damaged content")

    def read_one(self, client, path, body, turn):
        status, got = get(client, path)
        hurt = self.damaged.get(path)
        if hurt:
            self.campaign.must(status != 200, "%s GET of %s is a complete 200"
                               " after %s" % (turn, path, hurt))
        else:
            self.campaign.must((status, got) == (200, body),
                               "%s GET of %s: %s, not what was stored"
                               % (turn, path, status))

    def replace(self):
        """What was lost can be written again and deleted."""
        with self.server.client("alice") as client:
            for number, path in enumerate(self.damaged):
                if number % 2:
                    status = client.put(path, b"anew").status
                else:
                    status = client.delete(path).status
                self.campaign.must(status == 204, "%s: %d" % (path, status))

    def run(self):
        self.fill()
        done = self.scrub("before")
        self.campaign.must(done.returncode == 0 and not ids_of(done.stdout),
                           "false alarm: %s%s" % (done.stdout, done.stderr))
        self.damage()
        self.look()
        self.read()
        self.replace()
        self.server.close()
        return self.campaign.end()


def main(victims=100 if LONG else 30, seed=None):
    seed = seed if seed is not None else random.randrange(2 ** 32)
    print("victims %d, seed %d" % (victims, seed), flush=True)
    return Corruption(victims, seed).run()


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
