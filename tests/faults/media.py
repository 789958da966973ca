#!/usr/bin/python3
"""exclusive: seconds: 900
R3 on real media: full, without inodes, limited, and dying.

Wherever room ends (an ext4 of 64 MiB on a loop device, a tmpfs without
inodes, a limit of file sizes, the engine's own limit): PUT is 507 and leaves
nothing, the old content stays, DELETE and emptying the trash work, and then
PUT does. Where the device answers EIO: no success, what can be read is right,
the process lives, and when the device is well again, all that was acknowledged
is there.

    media.py [NAME...]      of ext4 inodes map_full file_size dying
"""

import os
import resource
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]
import wire  # noqa: E402
from campaign import LONG, LOST, Campaign, Mount, a_server, get  # noqa: E402

BIG, SMALL = 3000000, 20000
OLD = b"old " * 1500
MOST = 4000
USUAL = ["inodes", "file_size", "ext4", "map_full", "dying"]


class Skipped(Exception):
    """This machine cannot do it; says why."""


def call(*words):
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise Skipped("%s: %s" % (words[0], done.stderr.strip()[-200:]))
    return done.stdout.strip()


class Scratch:
    """Servers made inside have their state on this medium."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        self.before = os.environ.get("SCRATCH")
        os.environ["SCRATCH"] = self.path

    def __exit__(self, *_):
        os.environ.pop("SCRATCH")
        if self.before is not None:
            os.environ["SCRATCH"] = self.before


class Ext4:
    """A file with an ext4 on a loop device."""

    def __init__(self, folder, megabytes):
        self.folder, self.size = folder, megabytes
        self.mount = None

    def __enter__(self):
        self.image = os.path.join(self.folder, "ext4.img")
        with open(self.image, "wb") as file:
            file.truncate(self.size << 20)
        call("mkfs.ext4", "-q", "-m", "0", "-F", self.image)
        self.loop = call("losetup", "-f", "--show", self.image)
        self.mount = Mount(device=self.loop, kind="ext4")
        try:
            return self.mount.__enter__()
        except OSError as error:
            call("losetup", "-d", self.loop)
            raise Skipped(str(error)) from error

    def __exit__(self, *_):
        self.mount.__exit__()
        call("losetup", "-d", self.loop)
        os.unlink(self.image)


class Media:
    def __init__(self):
        self.campaign = Campaign("media")
        self.must = self.campaign.must
        self.folder = os.environ.get("SCRATCH", "/tmp")

    # -- room that ends ----------------------------------------------------

    def fill(self, client, name, size):
        """PUT until 507: how many went."""
        body = os.urandom(size)
        for number in range(MOST):
            path = "/dav/f/%s%d" % (name, number)
            status = client.put(path, body).status
            if status == 507:
                self.campaign.point()
                self.must(client.get(path).status == 404,
                          "%s: half of a file is there" % name)
                return number
            if status != 201:
                self.campaign.fail("PUT %s: %d" % (path, status))
                return number
        self.campaign.fail("%s: the room never ends" % name)
        return MOST

    def room_ends(self, what, server, sizes, start=None):
        """The whole story on one medium."""
        (start or server.start)()
        worker = server.worker
        with server.client("alice") as client:
            self.must(client.put("/dav/f/keep", OLD).status == 201, "keep")
            counts = [self.fill(client, "s%d-" % size, size)
                      for size in sizes]
            self.campaign.say("%s: full after %s files of %s bytes" % (
                what, counts, sizes))
            status = client.put("/dav/f/keep", bytes(sizes[0])).status
            self.must(status == 507, "%s: overwriting: %d" % (what, status))
            self.must(client.get("/dav/f/keep").body == OLD,
                      "%s: the old content is gone" % what)
            self.room_comes(what, server, client, sizes[0], counts[0])
        self.must(server.worker_pid() == worker, what + ": it died")
        self.campaign.verify(server, what)
        server.close()

    def room_comes(self, what, server, client, size, count):
        for number in range(min(3, count)):
            status = client.delete("/dav/f/s%d-%d" % (size, number)).status
            self.must(status == 204, "%s: DELETE: %d" % (what, status))
        done = server.run("trash", "empty", "f")
        self.must(done.returncode == 0, "%s: trash empty: %s" % (
            what, done.stderr))
        if count:
            back = wire.wait_until(lambda: client.put(
                "/dav/f/again", bytes(size)).status in (201, 204), 30)
            self.must(back, what + ": PUT after making room")

    def server(self, **conf):
        return a_server(conf={("store", key): value
                              for key, value in conf.items()})

    def case_ext4(self):
        with Ext4(self.folder, 96) as path, Scratch(path):
            self.room_ends("ext4", self.server(reserve="4M"), [BIG, 4096])

    def case_inodes(self):
        with Mount("size=300m", "nr_inodes=400") as path, Scratch(path):
            self.room_ends("no inodes", self.server(reserve="4M"), [SMALL])

    def case_map_full(self):
        server = self.server(map_size="16M", reserve="1M")
        self.room_ends("map full", server, [12000])

    def case_file_size(self):
        """RLIMIT_FSIZE: SIGXFSZ must not end the process."""
        server = self.server()
        limit = 80 << 20
        before = resource.getrlimit(resource.RLIMIT_FSIZE)

        def start():
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
            try:
                server.start()
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)
        self.room_ends("file size", server, [limit + 4096], start)

    # -- a device that dies --------------------------------------------------

    def case_dying(self):
        for word in ("nbdkit", "nbdfuse", "mkfs.ext4"):
            if not shutil.which(word):
                raise Skipped("no " + word)
        if not os.path.exists("/dev/fuse"):
            raise Skipped("no /dev/fuse")
        with Dying(self.folder) as disk:
            with Scratch(disk.mount.path):
                server = self.server(reserve="4M")
            server.start()
            self.dies(disk, server)

    def dies(self, disk, server):
        bodies, worker = {}, server.worker
        with server.client("alice") as client:
            for number in range(20):
                path = "/dav/f/%d" % number
                bodies[path] = os.urandom(20000 + number)
                self.must(client.put(path, bodies[path]).status == 201, path)
            disk.fail(True)
            for number in range(12):
                self.no_success(client, "/dav/f/%d" % number, number)
            for path, body in bodies.items():
                status, got = get(client, path)
                self.must(status != 200 or got == body,
                          "dying: GET %s is whole and wrong" % path)
        self.must(server.worker_pid() == worker, "dying: the process died")
        server.kill()
        disk.fail(False)
        disk.again()
        server.start()
        with server.client("alice") as client:
            for path, body in bodies.items():
                self.must(get(client, path) == (200, body),
                          "dying: %s was acknowledged" % path)
            self.must(client.put("/dav/f/after", b"x").status == 201,
                      "dying: PUT afterwards")
        self.campaign.verify(server, "dying")
        server.close()

    def no_success(self, client, path, number):
        try:
            if number % 3:
                status = client.put(path, os.urandom(30000)).status
            else:
                status = client.delete(path).status
        except LOST:
            client.close()
            return
        self.campaign.point()
        self.must(status in (500, 503, 507), "dying: %s: %d" % (path, status))

    def run(self, names):
        if os.geteuid() != 0:
            print("needs root to mount file systems")
            return 77
        for case in [name for name in vars(Media)
                     if name.startswith("case_")]:
            if case[5:] not in (names or USUAL):
                continue
            try:
                getattr(self, case)()
            except (Skipped, OSError) as why:
                self.campaign.skip(case[5:], str(why))
        return self.campaign.end()


class Dying:
    """An ext4 on a device whose writes answer EIO while a file exists."""

    def __init__(self, folder):
        self.folder = os.path.join(folder, "dying")
        self.trigger = os.path.join(self.folder, "trigger")
        self.image = os.path.join(self.folder, "image")
        self.disk = os.path.join(self.folder, "disk")

    def __enter__(self):
        os.makedirs(self.folder)
        with open(self.image, "wb") as file:
            file.truncate(192 << 20)
        with open(self.disk, "wb"):
            pass
        call("mkfs.ext4", "-q", "-m", "0", "-F", self.image)
        self.process = subprocess.Popen(
            ["nbdfuse", self.disk, "--command", "nbdkit", "-s",
             "--exit-with-parent", "--filter=error", "file", self.image,
             "error=EIO", "error-pwrite-rate=100%", "error-zero-rate=100%",
             "error-trim-rate=100%", "error-file=" + self.trigger],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if not wire.wait_until(lambda: os.path.getsize(self.disk), 10):
            self.process.kill()
            raise Skipped("nbdfuse shows no disk")
        self.loop = call("losetup", "-f", "--show", self.disk)
        self.mount = Mount(device=self.loop, kind="ext4")
        self.mount.__enter__()
        return self

    def fail(self, on):
        if on:
            with open(self.trigger, "wb"):
                pass
        else:
            os.unlink(self.trigger)

    def again(self):
        """Off and on, as whoever looks after the machine would."""
        path = self.mount.path
        if not wire.wait_until(lambda: unmounted(path), 10):
            raise Skipped("%s stays busy" % path)
        subprocess.run(["e2fsck", "-fy", self.loop], check=False,
                       capture_output=True)
        call("mount", "-t", "ext4", self.loop, path)

    def __exit__(self, *_):
        self.mount.__exit__()
        for words in (["losetup", "-d", self.loop],
                      ["umount", "-l", self.disk]):
            subprocess.run(words, check=False, capture_output=True)
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)


def unmounted(path):
    return subprocess.run(["umount", path], check=False,
                          capture_output=True).returncode == 0


if __name__ == "__main__":
    sys.exit(Media().run(sys.argv[1:]))
