"""What was taken away stays taken away (I9): grants and accounts, changed by
the command line while servers die and start."""

import random
import subprocess
import threading
import time

from celldav import binary

PLACE, PATH = "crash/guarded", "/dav/crash/guarded/secret"
SUBJECT, USER, RIGHT = "user:guest", "guest", "download-original"


class Guard(threading.Thread):
    """Grants and revokes, enables and disables; now and then the command
    itself is killed, and then either may be."""

    def __init__(self, server, seed):
        super().__init__(daemon=True)
        self.server, self.random = server, random.Random(seed)
        self.ending, self.fault, self.done = False, None, 0
        self.granted, self.enabled = {False}, {True}

    def prepare(self):
        self.server.user(USER)
        with self.server.client("alice") as client:
            client.mkcol("/dav/crash/guarded/")
            client.put(PATH, b"for few")

    def run(self):
        while not self.ending:
            self.step()
            time.sleep(0.03)

    def step(self):
        value = self.random.random() < 0.5
        if self.random.random() < 0.7:
            known = self.granted
            words = ["grant", "set", PLACE, SUBJECT, RIGHT] if value else \
                ["grant", "revoke", PLACE, SUBJECT]
        else:
            known = self.enabled
            words = ["user", "enable" if value else "disable", USER]
        known.add(value)
        status = self.command(words)
        if status == 0:
            known.clear()
            known.add(value)
            self.done += 1
        elif status is not None and words[1] != "revoke":
            self.fault = "%s ended with %d" % (" ".join(words), status)

    def command(self, words):
        """The exit status, None when it was killed."""
        process = subprocess.Popen(
            [binary(), "-c", self.server.conf_path, *words],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if self.random.random() < 0.2:
            time.sleep(self.random.uniform(0, 0.03))
            process.kill()
        status = process.wait(60)
        return None if status < 0 else status

    def end(self):
        self.ending = True
        self.join(90)

    def check(self):
        """None, or what is in force although it must not be."""
        with self.server.client(USER) as client:
            status = client.get(PATH).status
        may = {"yes" if granted and enabled else "no"
               for granted in self.granted for enabled in self.enabled}
        seen = "yes" if status == 200 else "no"
        if seen not in may or status not in (200, 401, 403, 404):
            return "I9: granted %s, enabled %s, but GET is %d" % (
                self.granted, self.enabled, status)
        return self.fault
