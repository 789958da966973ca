"""What was taken away stays taken away (I9): grants and accounts, changed by
the command line while servers die and start."""

import os
import random
import subprocess
import threading
import time

from celldav import binary

PLACE, PATH = "crash/guarded", "/dav/crash/guarded/secret"
SUBJECT, USER, RIGHT = "user:guest", "guest", "download-original"


def guard_prepare(server):
    server.user(USER)
    with server.client("alice") as client:
        client.mkcol("/dav/crash/guarded/")
        client.put(PATH, b"for few")


class Guard(threading.Thread):
    """Grants and revokes, enables and disables; now and then the command
    itself is killed, and then either may be."""

    def __init__(self, server, seed, clock, before=None, **options):
        super().__init__(daemon=True)
        self.server, self.random = server, random.Random(seed)
        self.clock = clock
        self.environment = options.get("environment", {})
        self.pause = options.get("pause", 0.03)
        self.kills = options.get("kills", 0.2)
        self.ending, self.fault = False, None
        self.before = before or {"granted": {False}, "enabled": {True}}
        self.history = []   # what, value, start, end (None: not told)

    def run(self):
        while not self.ending:
            self.step()
            time.sleep(self.pause)

    def step(self):
        value = self.random.random() < 0.5
        if self.random.random() < 0.7:
            what = "granted"
            words = ["grant", "set", PLACE, SUBJECT, RIGHT] if value else \
                ["grant", "revoke", PLACE, SUBJECT]
        else:
            what = "enabled"
            words = ["user", "enable" if value else "disable", USER]
        begun = self.clock()
        status = self.command(words)
        told = self.clock() if status == 0 else None
        self.history.append((what, value, begun, told))
        if status not in (None, 0) and words[1] != "revoke":
            self.fault = "%s ended with %d" % (" ".join(words), status)

    def command(self, words):
        """The exit status, None when it was killed."""
        process = subprocess.Popen(
            [binary(), "-c", self.server.conf_path, *words],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env={**os.environ, **self.environment})
        if self.random.random() < self.kills:
            time.sleep(self.random.uniform(0, 0.03))
            process.kill()
        status = process.wait(60)
        return None if status < 0 else status

    def end(self):
        self.ending = True
        self.join(90)

    def state(self, position):
        """What may be in force when all ends at this position."""
        may = {what: set(values) for what, values in self.before.items()}
        for what, value, begun, told in self.history:
            if begun >= position:
                break
            if told is not None and told <= position:
                may[what] = set()
            may[what].add(value)
        return may

    def check(self, position, server=None):
        """None, or what is in force although it must not be."""
        with (server or self.server).client(USER) as client:
            status = client.get(PATH).status
        state = self.state(position)
        may = {granted and enabled for granted in state["granted"]
               for enabled in state["enabled"]}
        if (status == 200) not in may or status not in (200, 401, 403, 404):
            return "I9: %s may be in force, but GET is %d" % (state, status)
        return self.fault
