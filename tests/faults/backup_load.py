#!/usr/bin/python3
"""exclusive: seconds: 900
R9: a backup taken while clients write restores to one moment in time.

Each client writes in a collection of its own, one request after the other,
and remembers them. Backups are taken meanwhile, and contents are freed (trash
emptied, swept). Each backup, restored on an empty folder, must verify, and
show of every client exactly what some number of its requests leave: at least
those that were acknowledged before the backup began, and none half.

    backup_load.py [BACKUPS [CLIENTS [SEED]]]
"""

import os
import random
import shutil
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
from campaign import LONG, LOST, Campaign, a_server  # noqa: E402

SIZES = [10, 3000, 20000, 70000, 200000]
PATHS = 12


class Writer(threading.Thread):
    """One client: what it asked for, in order, and how much was answered."""

    def __init__(self, server, number, seed):
        super().__init__(daemon=True)
        self.base = "/dav/load/w%d/" % number
        self.server, self.random = server, random.Random(seed)
        self.asked, self.answered = [], 0
        self.stopping, self.fault = False, None

    def run(self):
        with self.server.client("alice") as client:
            while not self.stopping and not self.fault:
                try:
                    self.step(client)
                except LOST as error:
                    self.fault = "%s: %s" % (self.base, error)

    def step(self, client):
        name = "f%d" % self.random.randrange(PATHS)
        there = state_after(self.asked).get(name)
        choice = self.random.random()
        if there is not None and choice < 0.2:
            self.asked.append((name, None, None))
            answer = client.delete(self.base + name)
        elif there is not None and choice < 0.35:
            target = "f%d" % self.random.randrange(PATHS, 2 * PATHS)
            self.asked.append((name, target, None))
            answer = client.move(self.base + name, self.base + target)
        else:
            body = b"%d " % len(self.asked) * (
                self.random.choice(SIZES) // 4)
            self.asked.append((name, None, body))
            answer = client.put(self.base + name, body)
        if answer.status not in (201, 204):
            self.fault = "%s: %r" % (self.base, answer)
        self.answered = len(self.asked)


def apply(tree, step):
    """One request: (name, target of MOVE, content of PUT)."""
    name, target, body = step
    if body is not None:
        tree[name] = body
    elif target is not None:
        tree[target] = tree.pop(name)
    else:
        del tree[name]


def state_after(steps):
    tree = {}
    for step in steps:
        apply(tree, step)
    return tree


class Backups:
    def __init__(self, backups, clients, seed):
        self.campaign = Campaign("backup_load")
        self.must = self.campaign.must
        self.count, chance = backups, random.Random(seed)
        self.server = a_server(cell="load", conf={("store", "versions"): 1})
        self.writers = [Writer(self.server, number, chance.random())
                        for number in range(clients)]
        self.files = []     # (backup, what each writer was answered)

    def load(self):
        with self.server.client("alice") as client:
            for writer in self.writers:
                client.mkcol(writer.base)
        for writer in self.writers:
            writer.start()
        for number in range(self.count):
            time.sleep(1)
            self.backup(number)
        for writer in self.writers:
            writer.stopping = True
        for writer in self.writers:
            writer.join(60)
            self.must(writer.fault is None, "load: %s" % writer.fault)

    def backup(self, number):
        """Others free contents while it runs."""
        file = os.path.join(self.server.scratch, "backup%d" % number)
        before = [writer.answered for writer in self.writers]
        freeing = threading.Thread(target=self.free)
        freeing.start()
        since = time.monotonic()
        done = self.server.run("backup", file)
        spent = time.monotonic() - since
        self.must(done.returncode == 0, "backup: %s" % done.stderr)
        freeing.join()
        self.files.append((file, before))
        self.campaign.point()
        self.campaign.say("backup of %d requests: %.1f MiB in %.2f s" % (
            sum(before), os.path.getsize(file) / 2 ** 20, spent))

    def free(self):
        for words in (("trash", "empty", "load"), ("gc",)):
            done = self.server.run(*words)
            self.must(done.returncode == 0, "%s: %s" % (words, done.stderr))

    def restore(self, number):
        """A server on the restored state, and what it shows."""
        file, before = self.files[number]
        target = os.path.join(self.server.scratch, "restored")
        since = time.monotonic()
        done = self.server.run("restore", file, "--dir", target, config=False)
        if not self.must(done.returncode == 0, "restore: " + done.stderr):
            return
        self.campaign.say("restored in %.2f s" % (time.monotonic() - since))
        first = self.server.dir, self.server.conf_path
        self.server.dir = target
        self.server.conf_path = os.path.join(target, "celldav.conf")
        self.campaign.verify(self.server, file)
        done = self.server.run("scrub")
        self.must(done.returncode == 0, "scrub of %s: %s" % (file,
                                                             done.stderr))
        self.server.start()
        with self.server.client("alice") as client:
            for writer, least in zip(self.writers, before):
                self.look(client, writer, least)
        self.server.stop()
        self.server.dir, self.server.conf_path = first
        shutil.rmtree(target)

    def look(self, client, writer, least):
        shown = {}
        for item in client.propfind(writer.base, "1").items()[1:]:
            answer = client.get(item.href)
            self.must(answer.status == 200, "%s: %d" % (item.href,
                                                        answer.status))
            shown[item.href[len(writer.base):]] = answer.body
        tree = state_after(writer.asked[:least])
        for step in writer.asked[least:]:
            if tree == shown:
                return
            apply(tree, step)
        self.must(tree == shown, "%s: the backup shows what no number of its "
                  "requests from %d on leaves" % (writer.base, least))

    def run(self):
        self.server.start()
        self.load()
        self.server.stop()
        for number in range(len(self.files)):
            self.restore(number)
        self.server.close()
        return self.campaign.end()


def main(backups=10 if LONG else 2, clients=16 if LONG else 8, seed=None):
    seed = seed if seed is not None else random.randrange(2 ** 32)
    print("backups %d, clients %d, seed %d" % (backups, clients, seed),
          flush=True)
    return Backups(backups, clients, seed).run()


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
