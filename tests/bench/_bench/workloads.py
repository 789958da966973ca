"""The workloads: what each server is asked, and what is compared."""

import collections
import itertools

import disk
from load import Wrong, contents_check, expect, folder_make, listing

SMALL, MEMBER = 4096, 1024
RANGE = 65536


class Sizes:
    """How much of everything; the short form only shows that it runs."""

    def __init__(self, short, seconds=None, large=None):
        self.short = short
        self.seconds = seconds or (0.15 if short else 2.0)
        self.files = 100 if short else 1000
        self.many = 1000 if short else 10000
        self.hundred = 100
        self.large = large or (16 << 20 if short else 256 << 20)


class Bench:
    """What a workload is handed: the generator, the sizes, a number that no
    other sample has, the trees of each server that COPY made and that MOVE
    and DELETE have not used yet."""

    def __init__(self, load, sizes):
        self.load = load
        self.sizes = sizes
        self.serial = itertools.count()
        self.made = collections.defaultdict(list)

    def fill(self, server, path, count, size, connections=16):
        folder_make(server, path)
        connections = min(connections, count)
        self.load.run(server, "put", connections, 120, path=path,
                      count=count, size=size)

    def prepare(self, server):
        """The trees that all rounds share."""
        sizes = self.sizes
        self.fill(server, "small/", sizes.files, SMALL)
        self.fill(server, "large/", 1, sizes.large)
        self.fill(server, "hundred/", sizes.hundred, MEMBER)
        self.fill(server, "many/", sizes.many, MEMBER)
        contents_check(server, self.load, "small/", (0, 1, 99), SMALL)
        server.properties = {}
        for path, count in (("hundred/", sizes.hundred),
                            ("many/", sizes.many)):
            names, most = listing(server, path)
            if names != {path[:-1]} | {f"f{n}" for n in range(count)}:
                raise Wrong(f"PROPFIND {path}: not the names that were put")
            server.properties[path] = most


class Workload:
    """One row. `unit`: per second ("/s", the higher the better), "GB/s", or
    "ms" (the lower the better)."""

    unit = "/s"
    scale = 1.0
    pinned = False
    writes = False
    # A sample of less than a tick of the CPU clock has no CPU figure.
    has_cpu = True

    def __init__(self, key, title, connections=1):
        self.key = key
        self.title = title
        self.connections = connections

    def timed(self, bench, server, cores):
        """The timed part: figures of davload."""
        raise NotImplementedError

    def before(self, bench, server):
        """What must be there first; not timed."""

    def after(self, bench, server):
        """What must be true afterwards; not timed."""

    def value(self, figures):
        return figures["rate"] * self.scale

    def floor(self, folder, sizes):
        """The same by the disk alone, where that says something."""
        return None


class Rate(Workload):
    """As many as it can in the time given."""

    def __init__(self, key, title, kind, connections, **keys):
        super().__init__(key, title, connections)
        self.kind = kind
        self.arguments = keys

    def timed(self, bench, server, cores):
        return bench.load.run(server, self.kind, self.connections,
                              bench.sizes.seconds, cores, **self.arguments)


class Pinned(Rate):
    """Server and client on one core: with one small request in flight, two
    virtual cores measure how long a sleeping one takes to wake."""

    pinned = True


class Listing(Rate):
    """Members a second, and the first byte of each answer."""

    def __init__(self, key, title, connections, path, members):
        super().__init__(key, title, "propfind", connections, path=path,
                         depth=1, members=members + 1)
        self.scale = members


class FirstByte(Listing):
    """The first byte of the body of a long listing."""

    unit = "ms"
    has_cpu = False

    def value(self, figures):
        return figures["first"] / 1000


class Put(Rate):
    """New files, each sample in a collection of its own, which stays. Random
    bytes under names without an extension are the hard case for a server that
    decides the type of a content by looking at it; text in .txt is not."""

    writes = True
    content = {"suffix": "", "pattern": "bytes"}

    def __init__(self, key, title, connections, kind="put"):
        super().__init__(key, title, kind, connections, size=SMALL,
                         **self.content)
        self.scale = 0.5 if kind == "putdelete" else 1.0
        self.path = None

    def before(self, bench, server):
        self.path = f"{self.key}-{next(bench.serial)}/"
        folder_make(server, self.path)
        self.arguments["path"] = self.path

    def after(self, bench, server):
        if self.kind == "put":
            contents_check(server, bench.load, self.path, (0, 1, 2), SMALL,
                           **self.content)


class PutText(Put):
    content = {"suffix": ".txt", "pattern": "text"}


class PinnedPut(Put):
    pinned = True

    def floor(self, folder, sizes):
        return disk.files_rate(folder, sizes.seconds)


class Large(Workload):
    """One large file each way, GB/s."""

    unit = "GB/s"

    def value(self, figures):
        return figures["bytes"] / figures["seconds"] / 1e9


class LargeGet(Large):
    def timed(self, bench, server, cores):
        count = 1 if bench.sizes.short else 4
        return bench.load.run(server, "get", 1, 120, cores, path="large/",
                              size=bench.sizes.large, count=count)


class LargePut(Large):
    """Put twice, the second counts: memory that the host has taken back is
    ten times slower at its first touch."""

    writes = True

    def before(self, bench, server):
        self.path = f"{self.key}-{next(bench.serial)}/"
        folder_make(server, self.path)
        self.put(bench, server, None)
        expect(server, 204, "DELETE", self.path + "f0")

    def put(self, bench, server, cores):
        return bench.load.run(server, "put", 1, 240, cores, path=self.path,
                              size=bench.sizes.large, count=1)

    def timed(self, bench, server, cores):
        return self.put(bench, server, cores)

    def after(self, bench, server):
        # davload compares every byte.
        bench.load.run(server, "get", 1, 120, path=self.path,
                       size=bench.sizes.large, count=1)
        expect(server, 204, "DELETE", self.path + "f0")

    def floor(self, folder, sizes):
        return disk.write_rate(folder, sizes.large)


class Tree(Workload):
    """One request on a collection of many files, in milliseconds. COPY makes
    what MOVE renames and DELETE removes, so they stand in this order."""

    unit = "ms"
    has_cpu = False

    def __init__(self, key, title, kind):
        super().__init__(key, title)
        self.kind = kind
        self.path = self.to = None

    def timed(self, bench, server, cores):
        return bench.load.run(server, self.kind, 1, 120, cores,
                              path=self.path, to=self.to or "", count=1)

    def value(self, figures):
        return figures["seconds"] * 1000

    def whole(self, bench, server, path):
        bench.load.run(server, "propfind", 1, 60, path=path, count=1,
                       members=bench.sizes.many + 1)


class Copy(Tree):
    def before(self, bench, server):
        self.path, self.to = "many/", f"copy-{next(bench.serial)}/"

    def after(self, bench, server):
        self.whole(bench, server, self.to)
        bench.made[server.name].append(self.to)


class Made(Tree):
    """Acts on a tree that COPY has made, or on a copy of its own where the
    row of COPY did not run."""

    def take(self, bench, server):
        if bench.made[server.name]:
            return bench.made[server.name].pop(0)
        copy = Copy("copy", "", "copy")
        copy.before(bench, server)
        copy.timed(bench, server, None)
        return copy.to

    def before(self, bench, server):
        self.path = self.take(bench, server)


class Move(Made):
    def before(self, bench, server):
        super().before(bench, server)
        self.to = f"moved-{next(bench.serial)}/"

    def after(self, bench, server):
        self.whole(bench, server, self.to)
        expect(server, 404, "GET", self.path + "f0")
        bench.made[server.name].append(self.to)


class Remove(Made):
    def after(self, bench, server):
        expect(server, 404, "GET", self.path + "f0")
        expect(server, 404, "PROPFIND", self.path, None, {"Depth": "0"})


class Own(Rate):
    """Each connection on a file of its own, in a collection of the sample:
    what the end of the time cuts short locks nothing later."""

    writes = True

    def before(self, bench, server):
        path = f"{self.key}-{next(bench.serial)}/"
        bench.fill(server, path, self.connections, MEMBER)
        self.arguments.update(path=path, files=self.connections)


class Lock(Own):
    """Cycles of two requests."""

    scale = 0.5


class PinnedOwn(Own):
    pinned = True

    def floor(self, folder, sizes):
        return disk.files_rate(folder, sizes.seconds)


def workloads_all(sizes):
    """In the order in which they run: what frees inodes comes last, as ext4
    does not give them out again for minutes and makes creating slow."""
    get = {"kind": "get", "path": "small/", "files": sizes.files,
           "size": SMALL}
    many = sizes.many
    large = f"{sizes.large >> 20} MiB"
    return [
        Pinned("get-1", "GET 4 KiB, 1 (pinned)", connections=1, **get),
        Rate("get-64", "GET 4 KiB, 64", connections=64, **get),
        Rate("get-512", "GET 4 KiB, 512", connections=512, **get),
        LargeGet("get-large", f"GET {large}, 1"),
        Rate("range", f"Range 64 KiB of {large}, 8", "range", 8,
             path="large/", size=RANGE, whole=sizes.large),
        PinnedPut("put-1", "PUT 4 KiB new, 1 (pinned)", 1),
        Put("put-64", "PUT 4 KiB new, 64", 64),
        PutText("put-64-text", "PUT 4 KiB new .txt, 64", 64),
        LargePut("put-large", f"PUT {large}, 1"),
        Listing("propfind-100", "PROPFIND 1, 100 members, 8", 8, "hundred/",
                sizes.hundred),
        Listing("propfind-many", f"PROPFIND 1, {many} members, 1", 1,
                "many/", many),
        FirstByte("first-byte", f"PROPFIND 1, {many}: first byte", 1,
                  "many/", many),
        Rate("propfind-0", "PROPFIND 0, 64", "propfind", 64,
             path="small/f0", depth=0, members=1),
        Rate("options", "OPTIONS, 64", "options", 64, path="small/"),
        Lock("lock-16", "LOCK + UNLOCK, 16", "lock", 16),
        PinnedOwn("proppatch-1", "PROPPATCH, 1 (pinned)", "proppatch", 1),
        Own("proppatch-16", "PROPPATCH, 16", "proppatch", 16),
        Copy("copy", f"COPY {many} files", "copy"),
        Move("move", f"MOVE {many} files", "move"),
        Put("put-delete", "PUT + DELETE 4 KiB, 16", 16, "putdelete"),
        Remove("delete", f"DELETE {many} files", "remove"),
    ]


# What a peer cannot do, and what it is known to do wrongly: Apache loses
# locks under concurrency (its lock database has no mutex).
CANNOT = {("nginx", "proppatch-1"), ("nginx", "proppatch-16"),
          ("rclone", "proppatch-1"), ("rclone", "proppatch-16")}
KNOWN_WRONG = {("apache", "lock-16")}
