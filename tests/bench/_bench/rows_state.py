"""Rows about locks, properties and connections that stay, and the day of a
desktop."""

from load import Wrong, expect, folder_make, request
from slow import idle_check, idle_close, idle_open
from workload import MEMBER, SMALL, Rate, Workload

LOCKINFO = ('<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope>'
            '<locktype><write/></locktype></lockinfo>')


class Own(Rate):
    """Each connection on a file of its own, in a collection of the sample:
    what the end of the time cuts short locks nothing later."""

    writes = True

    def before(self, bench, server):
        path = f"{self.key}-{next(bench.serial)}/"
        bench.fill(server, path, self.connections, MEMBER)
        self.arguments.update(path=path, files=self.connections)


class PinnedOwn(Own):
    pinned = True


class Lock(Own):
    """Cycles of two requests."""

    scale = 0.5


class PinnedLock(Lock):
    pinned = True


class KeptLock(Lock):
    """Before the first sample: a lock outlives a restart of celldav, which
    is why it is compared with those that keep theirs."""

    def before(self, bench, server):
        if hasattr(server, "restart") and self.key not in bench.kept:
            bench.kept[self.key] = True
            self.restart_check(bench, server)
        super().before(bench, server)

    def restart_check(self, bench, server):
        path = f"{self.key}-{next(bench.serial)}/"
        bench.fill(server, path, 1, MEMBER)
        expect(server, 200, "LOCK", path + "f0", LOCKINFO,
               {"Timeout": "Second-600", "Content-Type": "application/xml"})
        server.restart()
        status, _ = request(server, "PUT", path + "f0", b"x")
        if status != 423:
            raise Wrong(f"PUT to what was locked before a restart: {status}")


class Trace(Rate):
    """Ten operations again and again, each client in a folder of its own: a
    look around (OPTIONS, PROPFIND 1 and 0), a GET, a new file saved under a
    lock (LOCK, PUT, HEAD or PROPPATCH, UNLOCK), its renaming and removal."""

    writes = True
    members = 10

    def __init__(self, key, title, kind, connections):
        super().__init__(key, title, kind, connections, size=SMALL,
                         files=self.members, members=self.members + 1)

    def before(self, bench, server):
        """The folders; and once for each server that a new file is there
        under its last name with its content, before it goes."""
        path = f"{self.key}-{next(bench.serial)}/"
        folder_make(server, path)
        for number in range(self.connections):
            bench.fill(server, f"{path}c{number}/", self.members, SMALL, 4)
        self.arguments["path"] = path
        place = (self.key, server.name)
        if place not in bench.kept:
            bench.kept[place] = True
            self.saved_check(bench, server, path)

    def saved_check(self, bench, server, path):
        check = path + "check/"
        folder_make(server, check)
        bench.fill(server, check + "c0/", 1, SMALL)
        bench.load.run(server, self.kind, 1, 20, count=9,
                       **dict(self.arguments, path=check, files=1,
                              members=2))
        if expect(server, 200, "GET",
                  check + "c0/v1") != bench.load.content(0, SMALL):
            raise Wrong("the trace saved something else than was put")


class Idle(Workload):
    """Memory of all processes of the server, what they share divided, for
    each connection that got one answer and stays."""

    unit = "KiB"
    needs = ("small/",)

    def before(self, bench, server):
        """Afresh, so that nothing is left of the rows before."""
        if hasattr(server, "restart"):
            server.restart()
        bench.load.run(server, "get", 16, 10, path="small/", count=100,
                       files=bench.sizes.files, size=SMALL)

    def timed(self, bench, server, cores):
        count = bench.sizes.idle
        before = server.process.proportional_bytes()
        links = idle_open(server, count, "small/f0",
                          bench.load.content(0, SMALL))
        try:
            after = server.process.proportional_bytes()
            closed = idle_check(links)
        finally:
            idle_close(links)
        if closed:
            raise Wrong(f"{closed} of {count} idle connections were closed")
        return {"bytes": max(0, after - before), "connections": count}

    def value(self, figures):
        return figures["bytes"] / figures["connections"] / 1024


def rows_lock(sizes):
    desktops = 4 if sizes.short else 32
    return [
        PinnedLock("lock-1", "LOCK + UNLOCK, 1 (pinned)", "lock",
                   1).judge(1.2, 1.4, "apache").beside("apache", "lighttpd"),
        KeptLock("lock-16", "LOCK + UNLOCK, 16", "lock", 16).judge(
            15, 25, "lighttpd").beside("nginx", "lighttpd", "rclone"),
        PinnedOwn("proppatch-1", "PROPPATCH, 1 (pinned)", "proppatch",
                  1).judge(1.2, 1.4, "apache").beside("apache", "lighttpd"),
        Own("proppatch-16", "PROPPATCH, 16", "proppatch",
            16).judge(2, 3.5, "apache").beside("apache", "lighttpd"),
        Trace("trace", f"desktop trace with locks, {desktops}", "trace",
              desktops).judge(1.0, 1.5, "nginx").beside("nginx", "lighttpd"),
        Trace("properties", f"desktop trace with properties, {desktops}",
              "properties", desktops).judge(
                  4, 8, "lighttpd").beside("lighttpd"),
    ]


def rows_idle(sizes):
    idle = Idle("idle", f"{sizes.idle} idle connections")
    return [idle.judge(4.4, 2, None)]
