"""Large uploads and downloads that take as long as they are told to, and
know whether every byte arrived."""

import hashlib
import threading
import time

import wire

BLOCK = 1 << 18


def content(number, size):
    """Bytes of a transfer: no block of it is like another."""
    seed = hashlib.sha256(b"%d" % number).digest() * (BLOCK // 32)
    for at in range(0, size, BLOCK):
        head = b"%016d" % at
        yield (head + seed)[:min(BLOCK, size - at)]


def digest(number, size):
    whole = hashlib.sha256()
    for block in content(number, size):
        whole.update(block)
    return whole.hexdigest()


class Transfer(threading.Thread):
    """One transfer; `fault` says what was wrong, None: nothing."""

    def __init__(self, server, kind, number, size, seconds):
        super().__init__(daemon=True)
        self.client = server.client("alice")
        self.kind, self.number, self.size = kind, number, size
        self.pause = seconds * BLOCK / size
        self.path = "/dav/my-files/%s-%d" % (kind, number)
        self.fault, self.finished = None, None

    def run(self):
        try:
            if self.kind == "up":
                self.upload()
            else:
                self.download()
        except Exception as error:    # told by the test's own thread
            self.fault = "%s: %r" % (self.path, error)
        self.finished = time.monotonic()

    def upload(self):
        with self.client.connect() as connection:
            connection.send(self.client.head("PUT", self.path,
                                             length=self.size))
            next_time = time.monotonic()
            for block in content(self.number, self.size):
                connection.sock.sendall(block)
                next_time += self.pause
                time.sleep(max(0, next_time - time.monotonic()))
            answer = connection.read("PUT")
        if answer.status not in (201, 204):
            self.fault = "%s: %r" % (self.path, answer)

    def download(self):
        whole, left = hashlib.sha256(), self.size
        with self.client.connect() as connection:
            connection.send(self.client.head("GET", self.path))
            answer = connection.read_head()
            if answer.status != 200:
                self.fault = "%s: %r" % (self.path, answer)
                return
            next_time = time.monotonic()
            while left > 0:
                block = connection.exactly(min(BLOCK, left))
                whole.update(block)
                left -= len(block)
                next_time += self.pause
                time.sleep(max(0, next_time - time.monotonic()))
        if whole.hexdigest() != digest(self.number, self.size):
            self.fault = self.path + ": other bytes"


def fill(server, count, size):
    """The files that will be downloaded."""
    for number in range(count):
        one = Transfer(server, "up", number, size, 0)
        one.path = "/dav/my-files/down-%d" % number
        one.run()
        if one.fault:
            raise wire.WireError(one.fault)


def check_uploads(server, count, size):
    """How many of the uploads hold other bytes than were sent."""
    wrong = 0
    for number in range(count):
        one = Transfer(server, "down", number, size, 0)
        one.path = "/dav/my-files/up-%d" % number
        one.run()
        wrong += one.fault is not None
    return wrong
