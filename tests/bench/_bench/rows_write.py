"""Rows that put: small and large files, durable or relaxed, and again and
again under names that go."""

import disk
from load import contents_check, expect, folder_make
from process import Peak
from workload import SMALL, Bar, Rate, Workload


class Put(Rate):
    """New files, each sample in a collection of its own, which stays. Random
    bytes under names without an extension are the hard case for a server that
    decides the type of a content by looking at it; text in .txt is not."""

    writes = True
    content = {"suffix": "", "pattern": "bytes"}

    def __init__(self, key, title, connections, kind="put"):
        super().__init__(key, title, kind, connections, size=SMALL,
                         **self.content)
        self.path = None

    def before(self, bench, server):
        self.path = f"{self.key}-{next(bench.serial)}/"
        folder_make(server, self.path)
        self.arguments["path"] = self.path

    def after(self, bench, server):
        contents_check(server, bench.load, self.path, (0, 1, 2), SMALL,
                       **self.content)
        if hasattr(server, "settle"):
            server.settle()


class PutText(Put):
    content = {"suffix": ".txt", "pattern": "text"}


class PinnedPut(Put):
    pinned = True

    def floor(self, folder, sizes):
        return disk.files(folder, sizes.seconds)


class Relaxed(Put):
    """A second celldav, with store.sync = "relaxed"."""

    subject = "relaxed"


class PinnedRelaxed(Relaxed):
    pinned = True


class Churn(Put):
    """Pairs of PUT and DELETE in a collection where many files were put and
    deleted just before, as with a server that has been doing it for a while:
    a file system that does not give out an inode again for a minute or more
    (ext4 without a journal) has to pass over all of them at each create. One
    collection for all rounds, so that they are not older than that."""

    scale = 0.5

    def __init__(self, key, title, connections):
        super().__init__(key, title, connections, "putdelete")
        self.arguments["tag"] = "p"

    def before(self, bench, server):
        place = (self.key, server.name)
        fresh = place not in bench.kept
        if fresh:
            super().before(bench, server)
            bench.kept[place] = self.path
        self.arguments["path"] = bench.kept[place]
        self.arguments["tag"] = f"p{next(bench.serial)}-"
        if fresh:
            self.warm(bench, server)

    def warm(self, bench, server):
        for kind, more in (("put", {"size": SMALL}), ("delete", {})):
            bench.load.run(server, kind, 16, 240,
                           path=self.arguments["path"], tag="old",
                           count=bench.sizes.churn, **more)

    def after(self, bench, server):
        expect(server, 404, "GET", self.arguments["path"]
               + self.arguments["tag"] + "0")


class ChurnFresh(Churn):
    """The same where nothing went before."""

    def warm(self, bench, server):
        """Nothing: this is what a short run would show."""


class LargePut(Workload):
    """One large file, GB/s. Put twice, the second counts: memory that the
    host has taken back is ten times slower at its first touch, so the first
    is removed and its memory taken again, by each server and by the loop
    beside them. Beside it the memory of the server's own during both, beyond
    what it had when it was fresh and had taken one small file."""

    unit = "GB/s"
    writes = True

    def __init__(self, key, title):
        super().__init__(key, title)
        self.path = None
        self.growth = 0

    def judge(self, must, aim, against="disk", cpu=False):
        super().judge(must, aim, against, cpu)
        self.bars.append(Bar("memory_mib", None, 2, 2, True))
        return self

    def value(self, figures):
        return figures["bytes"] / figures["seconds"] / 1e9

    def before(self, bench, server):
        if hasattr(server, "restart"):
            server.restart()
        self.path = f"{self.key}-{next(bench.serial)}/"
        folder_make(server, self.path)
        bench.load.run(server, "put", 1, 20, path=self.path, tag="small",
                       size=SMALL, count=1)
        self.growth = 0
        self.put(bench, server, None)
        self.remove(server)

    def remove(self, server):
        expect(server, 204, "DELETE", self.path + "f0")
        if hasattr(server, "trash_empty"):
            server.trash_empty()

    def put(self, bench, server, cores):
        with Peak(server.process) as peak:
            figures = bench.load.run(server, "put", 1, 240, cores,
                                     path=self.path, size=bench.sizes.large,
                                     count=1)
        self.growth = max(self.growth, peak.growth())
        return figures

    def timed(self, bench, server, cores):
        figures = self.put(bench, server, cores)
        return dict(figures, memory_mib=self.growth / (1 << 20))

    def after(self, bench, server):
        # davload compares every byte.
        bench.load.run(server, "get", 1, 120, path=self.path,
                       size=bench.sizes.large, count=1)
        self.remove(server)

    def floor(self, folder, sizes):
        return disk.write(folder, sizes.large)


def rows_put(sizes):
    large = f"{sizes.large >> 20} MiB"
    return [
        PinnedPut("put-1", "PUT 4 KiB new, 1 (pinned)",
                  1).judge(1.0, 1.15, "disk"),
        Put("put-64", "PUT 4 KiB new, 64", 64).judge(0.75, 1.0).beside(
            "nginx", "apache", "lighttpd", "rclone"),
        PutText("put-64-text", "PUT 4 KiB new .txt, 64",
                64).judge(0.75, 1.0).beside("nginx", "lighttpd"),
        PinnedRelaxed("relaxed-1", "PUT 4 KiB relaxed, 1 (pinned)",
                      1).judge(1.0, 1.5).beside("nginx", "lighttpd"),
        Relaxed("relaxed-64", "PUT 4 KiB relaxed, 64",
                64).judge(1.0, 1.5).beside("nginx", "lighttpd"),
        LargePut("put-large", f"PUT {large}, 1").judge(
            0.65, 0.85).beside("nginx", "lighttpd"),
    ]


def rows_churn(_sizes):
    return [ChurnFresh("put-delete-fresh", "PUT + DELETE 4 KiB, 16, fresh",
                       16),
            Churn("put-delete", "PUT + DELETE 4 KiB, 16", 16).judge(2, 3)]
