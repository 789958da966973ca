"""What a row of the table is, and what it is judged by."""

import collections
import dataclasses
import itertools

from load import Wrong, folder_make, listing

SMALL, MEMBER = 4096, 1024
# Members of the shared trees: their type is known by name, so that filling
# does not wait for those who search the contents for it.
TEXT = {"suffix": ".txt", "pattern": "text"}
PEERS = ("nginx", "apache", "lighttpd")
HIGH = ("/s", "GB/s")


@dataclasses.dataclass
class Bar:
    """A figure of the row ("value", "cpu_us", "p99", or another one that its
    sample holds) against the best peer ("best"), one of them, the disk, the
    small store, or nothing (an absolute figure). `most`: the number is to be
    at most that large: a part of the other's, or the figure itself."""

    figure: str
    against: str
    must: float
    aim: float
    most: bool = False


class Sizes:
    """How much of everything; the short form only shows that it runs."""

    def __init__(self, short, seconds=None, large=None):
        self.short = short
        self.seconds = seconds or (0.05 if short else 1.0)
        self.files = 100 if short else 1000
        self.hundred = 100
        self.many = 300 if short else 10000
        self.huge = 400 if short else 100000
        self.large = large or (4 << 20 if short else 1 << 30)
        self.idle = 100 if short else 5000
        self.churn = 100 if short else 20000
        self.grown = [2000] if short else [1000000]
        self.collections = 100 if short else 1000
        self.known = 1000 if short else 100000
        self.trees = 2 if short else 20

    def seconds_large(self):
        return self.seconds * 1.5


class Bench:
    """What a workload is handed: the generator, the sizes, a number that no
    other sample has, the trees of each server that COPY made and that MOVE
    and DELETE have not used yet."""

    def __init__(self, load, sizes):
        self.load = load
        self.sizes = sizes
        self.serial = itertools.count()
        self.made = collections.defaultdict(list)
        self.kept = {}

    def fill(self, server, path, count, size, connections=64, **content):
        folder_make(server, path)
        connections = min(connections, count)
        self.load.run(server, "put", connections, 600, path=path,
                      count=count, size=size, **content)

    def trees(self):
        """Name, how many files, of what size."""
        sizes = self.sizes
        return {"small/": (sizes.files, SMALL), "large/": (1, sizes.large),
                "hundred/": (sizes.hundred, MEMBER),
                "many/": (sizes.many, MEMBER), "huge/": (sizes.huge, MEMBER)}

    def prepare(self, server, needs):
        """The trees that all rounds share; names and properties of their
        listings are compared here, once."""
        server.properties = {}
        for path, (count, size) in self.trees().items():
            if path not in needs:
                continue
            if path in ("small/", "large/"):
                self.fill(server, path, count, size)
                continue
            self.fill(server, path, count, size, **TEXT)
            names, most = listing(server, path)
            if names != {path[:-1]} | {f"f{n}.txt" for n in range(count)}:
                raise Wrong(f"PROPFIND {path}: not the names that were put")
            server.properties[path] = most


class Workload:
    """One row. `unit`: per second ("/s", the higher the better), "GB/s", or
    something of which less is better ("ms", "KiB", ...)."""

    unit = "/s"
    scale = 1.0
    pinned = False
    writes = False
    needs = ()
    # How the server is asked: plainly, "tls", or with the "password".
    view = None
    # The instance of celldav that is measured.
    subject = "celldav"
    # Rounds, if fewer than the run has.
    rounds = None

    def __init__(self, key, title, connections=1):
        self.key = key
        self.title = title
        self.connections = connections
        self.peers = PEERS
        self.bars = []

    def judge(self, must, aim, against="best", cpu=False):
        """The bars of most rows: the figure itself, server CPU where asked,
        and the 99th percentile where requests are counted."""
        self.bars.append(Bar("value", against, must, aim,
                             against in (None, "small")))
        if cpu:
            self.bars.append(Bar("cpu_us", against, must, aim))
        if self.unit == "/s" and against is not None:
            self.bars.append(Bar("p99", against, 1.2, 1.0, True))
        return self

    def beside(self, *peers):
        """Only these peers."""
        self.peers = peers
        return self

    def timed(self, bench, server, cores):
        """The timed part: figures of davload."""
        raise NotImplementedError

    def before(self, bench, server):
        """What must be there first; not timed."""

    def after(self, bench, server):
        """What must be true afterwards; not timed. May return more figures
        of the sample."""

    def value(self, figures):
        return figures["rate"] * self.scale

    def cpu(self, figures, seconds):
        """Server CPU in microseconds for each request (member of a listing),
        or in milliseconds for each GB; None where that says nothing."""
        if self.unit == "GB/s":
            return seconds * 1e3 / (figures["bytes"] / 1e9)
        if self.unit == "/s":
            return seconds * 1e6 / (figures["requests"] * max(self.scale, 1))
        return None

    def floor(self, folder, sizes):
        """The same by the disk alone, where that says something."""
        return None


class Rate(Workload):
    """As many as it can in the time given."""

    def __init__(self, key, title, kind, connections, **keys):
        super().__init__(key, title, connections)
        self.kind = kind
        self.arguments = keys
        if keys.get("path") in ("small/", "large/", "hundred/", "many/",
                                "huge/"):
            self.needs = (keys["path"],)
        elif keys.get("path", "").startswith("small/"):
            self.needs = ("small/",)

    def timed(self, bench, server, cores):
        # A count ends by itself; the time is then what it may take.
        seconds = 120 if "count" in self.arguments else bench.sizes.seconds
        return bench.load.run(server, self.kind, self.connections, seconds,
                              cores, **self.arguments)


class Pinned(Rate):
    """Server and client on one core: with one small request in flight, two
    virtual cores measure how long a sleeping one takes to wake."""

    pinned = True
