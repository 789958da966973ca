"""An ext4 file system on a disk that loses power, and the disk afterwards.

    disk = Powered(folder)          # needs root, FUSE, loop devices
    disk.begin(); ...; disk.end()   # disk.mount is the mount point
    log = disk.log()
    ...                             # disk.come_back(image) mounts an image
"""

import os
import struct
import subprocess
import time

# As in _nbd_log.py, which runs where only nbdkit's modules are.
HEAD = struct.Struct("=QQQ")
WRITE, FLUSH = 1, 2
SECTOR = 512
HERE = os.path.dirname(os.path.abspath(__file__))


class CannotRun(Exception):
    """The kernel or a program that the rig needs is missing."""


def call(*words, good=(0,)):
    done = subprocess.run(words, stdout=subprocess.PIPE, check=False,
                          stderr=subprocess.STDOUT)
    if done.returncode not in good:
        raise CannotRun("%s: exit %d: %s" % (
            " ".join(words), done.returncode,
            done.stdout.decode("utf-8", "replace").strip()[-300:]))
    return done.stdout.decode("utf-8", "replace")


def insist(*words):
    """Until it is done: a process that was killed may let go a bit later."""
    end = time.monotonic() + 30
    while True:
        try:
            return call(*words)
        except CannotRun:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


class Powered:
    def __init__(self, folder, size):
        self.folder, self.size = folder, size
        self.mount = os.path.join(folder, "mnt")
        self.log_path = os.path.join(folder, "log")
        self.live = os.path.join(folder, "live")
        self.base = os.path.join(folder, "base")
        self.image = os.path.join(folder, "image")
        self.fuse = os.path.join(folder, "fuse")
        self.loop, self.nbd = None, None
        os.mkdir(self.mount)
        os.mkdir(self.fuse)
        with open(self.base, "wb") as file:
            file.truncate(size)
        call("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,"
             "lazy_journal_init=0", "-J", "size=4", self.base)

    def attach(self, path):
        self.loop = call("losetup", "-f", "--show", path).strip()
        try:
            call("mount", "-t", "ext4", self.loop, self.mount)
        except CannotRun:
            insist("losetup", "-d", self.loop)
            self.loop = None
            raise

    def detach(self):
        """Undo as much as there is: the mount, the loop device, FUSE."""
        if self.loop:
            insist("umount", self.mount)
            insist("losetup", "-d", self.loop)
            self.loop = None
        if self.nbd is not None:
            insist("umount", self.fuse)
            self.nbd.wait(30)
            self.nbd = None

    def begin(self):
        """Mount the base by way of the disk that logs."""
        call("cp", "--sparse=always", self.base, self.live)
        if os.path.exists(self.log_path):
            os.unlink(self.log_path)
        name = os.path.join(self.fuse, "disk")
        self.nbd = subprocess.Popen(
            ["nbdfuse", self.fuse, "--command", "nbdkit", "-s",
             "--exit-with-parent", "python",
             os.path.join(HERE, "_nbd_log.py"), "image=" + self.live,
             "log=" + self.log_path], stderr=subprocess.PIPE)
        self.await_disk(os.path.join(self.fuse, "nbd"), name)

    def await_disk(self, *names):
        end = time.monotonic() + 20
        while time.monotonic() < end:
            for name in names:
                if os.path.exists(name):
                    self.attach(name)
                    return
            if self.nbd.poll() is not None:
                break
            time.sleep(0.02)
        raise CannotRun("nbdfuse shows no disk: "
                        + self.nbd.stderr.read1(500).decode())

    def position(self):
        return os.stat(self.log_path).st_size

    def come_back(self):
        """Check the image and mount it: what e2fsck had to say, or None."""
        done = subprocess.run(["e2fsck", "-f", "-p", self.image],
                              stdout=subprocess.PIPE, check=False,
                              stderr=subprocess.STDOUT)
        if done.returncode > 1:
            return "e2fsck: " + done.stdout.decode()[-500:]
        self.attach(self.image)
        return None


class Log:
    """The log of the disk: writes and flushes, by place."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = memoryview(file.read())
        self.records, at = [], 0
        while at + HEAD.size <= len(self.data):
            kind, offset, length = HEAD.unpack_from(self.data, at)
            begin = at + HEAD.size
            at = begin + length
            if at > len(self.data):
                break
            self.records.append((kind, offset, self.data[begin:at], at))

    def ends(self):
        return [record[3] for record in self.records]

    def flushes(self):
        return [record[3] for record in self.records if record[0] == FLUSH]


class Cut:
    """The durable disk and the pending writes, moved along the log."""

    def __init__(self, base, log):
        self.log, self.at, self.pending = log, 0, []
        self.path = base

    def move(self, position):
        with open(self.path, "r+b") as disk:
            while self.at < len(self.log.records) and \
                    self.log.records[self.at][3] <= position:
                kind, offset, data, _ = self.log.records[self.at]
                self.at += 1
                if kind == WRITE:
                    self.pending.append((offset, data))
                    continue
                for where, piece in self.pending:
                    disk.seek(where)
                    disk.write(piece)
                self.pending = []

    def save(self, image, mode, chance):
        """The disk after the cut: of what no flush covers nothing (drop),
        half of the writes (half), of the sectors (torn), or any share of
        the writes (reorder). A sector is as it was after one of its
        writes, so a later write that came through hides earlier ones."""
        call("cp", "--sparse=always", self.path, image)
        share = {"drop": 0, "half": 0.5, "torn": 0.5,
                 "reorder": chance.random()}[mode]
        with open(image, "r+b") as disk:
            for offset, data in self.pending:
                step = SECTOR if mode == "torn" else len(data)
                for at in range(0, len(data), step):
                    if chance.random() < share:
                        disk.seek(offset + at)
                        disk.write(data[at:at + step])
