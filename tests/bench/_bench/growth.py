"""What a request costs in a large store, beside the same in a small one: an
instance of its own, filled without waiting for the disk and measured
durable."""

import copy

from load import Wrong, expect
from runner import Row, timed_sample
from subject import Celldav
from workload import MEMBER, TEXT, Bar, Rate

CELL = "growth/"


class Spread(Rate):
    """Files spread over the collections at random."""

    writes = False

    def __init__(self, key, title, kind, connections, **keys):
        super().__init__(key, title, kind, connections, size=MEMBER, **TEXT,
                         **keys)
        self.peers = ()

    def at(self, files, sizes, serial):
        """The arguments in a store of so many files."""
        raise NotImplementedError


class GetSpread(Spread):
    def at(self, files, sizes, serial):
        return {"path": CELL, "files": files, "spread": sizes.collections}


class PutSpread(Spread):
    writes = True

    def at(self, files, sizes, serial):
        return {"path": CELL, "spread": sizes.collections,
                "tag": f"n{serial}-"}


class ListSpread(Spread):
    def at(self, files, sizes, serial):
        return {"path": CELL + "hundred/", "depth": 1,
                "members": sizes.hundred + 1}


def rows_growth(_sizes):
    rows = [
        GetSpread("growth-get", "GET 1 KiB of all, 64", "get", 64),
        ListSpread("growth-propfind", "PROPFIND 1, 100 members, 8",
                   "propfind", 8),
        PutSpread("growth-put", "PUT 1 KiB into all, 64, durable", "put",
                  64),
    ]
    for row in rows:
        must, aim = (2.5, 1.5) if row.writes else (1.5, 1.2)
        row.bars = [Bar("value", "small", must, aim, True),
                    Bar("cpu_us", "small", must, aim, True)]
    return rows


class Growth:
    """The instance, how many files it holds, and the rows."""

    def __init__(self, top, folder, bench):
        self.bench = bench
        self.files = 0
        self.server = Celldav(top, folder, "growth", "relaxed")

    def fill(self, files):
        """Up to so many: f0 .. f(files - 1), where the generator looks for
        them; then durable from here on."""
        sizes, load = self.bench.sizes, self.bench.load
        if self.files == 0:
            expect(self.server, 201, "MKCOL", CELL)
            load.run(self.server, "mkcol", 16, 60, path=CELL, tag="c",
                     suffix="/", count=sizes.collections)
            self.bench.fill(self.server, CELL + "hundred/", sizes.hundred,
                            MEMBER, **TEXT)
        else:
            self.server.restart("relaxed")
        load.run(self.server, "put", 64, 900, path=CELL, tag="f",
                 size=MEMBER, spread=sizes.collections, first=self.files,
                 count=files - self.files, **TEXT)
        self.files = files
        self.server.restart("full")
        self.check()

    def check(self):
        """Files by chance: the generator compares each byte. So many that
        the pages of the store are mapped before anything is measured, as in
        a process that has run for a while."""
        self.bench.load.run(self.server, "get", 64, 120, path=CELL,
                            files=self.files, size=MEMBER,
                            count=self.bench.sizes.known,
                            spread=self.bench.sizes.collections, **TEXT)
        got = self.server.stats()["files"]
        if got < self.files:
            raise Wrong(f"{got} files instead of {self.files}")

    def sample(self, workload):
        serial = next(self.bench.serial)
        workload.arguments.update(
            workload.at(self.files, self.bench.sizes, serial))
        limit = self.bench.sizes.collections * 2
        if self.files <= self.bench.sizes.collections and workload.writes:
            # So few that the small store stays small.
            workload.arguments["count"] = limit
        else:
            workload.arguments.pop("count", None)
        return timed_sample(workload, self.bench, self.server, None)


def growth_measure(top, folder, bench, rounds, options):
    """Rows with the samples of the small store ("small") and of the large
    one; those of a larger one are rows of their own, which judge nothing."""
    sizes = bench.sizes
    workloads = [workload for workload in rows_growth(sizes)
                 if options["wanted"](workload)]
    if not workloads:
        return []
    growth = Growth(top, folder, bench)
    samples = {}
    try:
        for files in (sizes.collections, *sizes.grown):
            growth.fill(files)
            options["say"](f"growth: {files} files")
            for _ in range(rounds):
                for workload in workloads:
                    samples.setdefault((workload.key, files), []).append(
                        growth.sample(workload))
    finally:
        growth.server.stop()
    return [row_at(workload, files, samples, sizes)
            for files in sizes.grown for workload in workloads]


def row_at(workload, files, samples, sizes):
    row = Row(copy.copy(workload))
    row.workload.title += f" at {files} files"
    if files != sizes.grown[0]:
        row.workload.key += f"-{files}"
        row.workload.bars = []
    for sample in samples[workload.key, sizes.collections]:
        row.add("small", sample)
    for sample in samples[workload.key, files]:
        row.add("celldav", sample)
    return row
