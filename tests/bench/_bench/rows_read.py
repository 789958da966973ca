"""Rows that read: contents, ranges, TLS, listings."""

from load import Wrong, expect
from process import Peak
from slow import slow_listing
from view import View
from workload import SMALL, Pinned, Rate, Workload


class Password(Rate):
    """With the password of the account: celldav keeps it as argon2id, the
    peers as {SHA}, the cheapest that they know."""

    view = "password"

    def before(self, bench, server):
        """Nobody gets it without: that is what the row is about."""
        place = ("password", server.name)
        if place in bench.kept:
            return
        bench.kept[place] = True
        seen = server.view(self.view)
        expect(View(server, seen.port, None), 401, "GET", "small/f0")


class Bytes(Workload):
    """The large file for a given time, GB/s: what the end cuts short counts
    as far as it came, and each byte is compared."""

    unit = "GB/s"
    needs = ("large/",)

    def value(self, figures):
        return figures["bytes"] / figures["seconds"] / 1e9

    def timed(self, bench, server, cores):
        sizes = bench.sizes
        return bench.load.run(server, "get", self.connections,
                              sizes.seconds_large(), cores, path="large/",
                              size=sizes.large, partial=1)


class BytesTls(Bytes):
    view = "tls"


class Handshakes(Rate):
    """A connection for each request: a whole handshake of TLS 1.3, the
    certificate checked, and a small GET."""

    view = "tls"


class Listing(Rate):
    """Members a second, and the first byte of each answer."""

    def __init__(self, key, title, connections, path, members, allprop=0):
        super().__init__(key, title, "propfind", connections, path=path,
                         depth=1, members=members + 1, allprop=allprop)
        self.scale = members


class FirstByte(Listing):
    """The first byte of the body of a long listing."""

    unit = "ms"

    def value(self, figures):
        return figures["first"] / 1000


class StreamMemory(Workload):
    """Memory of the server's own while it streams a long listing, beyond
    what it had when it was fresh and had answered once: to a quick reader,
    and to one that takes a few kilobytes at a time."""

    unit = "MiB"
    needs = ("huge/", "small/")
    rounds = 1

    def before(self, bench, server):
        if hasattr(server, "restart"):
            server.restart()
        bench.load.run(server, "propfind", 1, 20, path="small/f0", depth=0,
                       members=1, count=1)

    def timed(self, bench, server, cores):
        members = bench.sizes.huge + 1
        with Peak(server.process) as quick:
            figures = bench.load.run(server, "propfind", 1, 60, cores,
                                     path="huge/", members=members, count=2)
        with Peak(server.process, quick.baseline) as slow:
            got = slow_listing(server, "huge/", bench.sizes.seconds)
        if got != members:
            raise Wrong(f"the slow reader got {got} of {members}")
        return dict(figures, quick_mib=quick.growth() / (1 << 20),
                    slow_mib=slow.growth() / (1 << 20))

    def value(self, figures):
        return max(figures["quick_mib"], figures["slow_mib"])


def rows_content(sizes):
    get = {"kind": "get", "path": "small/", "files": sizes.files,
           "size": SMALL}
    large = f"{sizes.large >> 20} MiB"
    part = {"kind": "range", "path": "large/", "size": 65536,
            "whole": sizes.large}
    return [
        Pinned("get-1", "GET 4 KiB, 1 (pinned)", connections=1,
               **get).judge(1.0, 1.2, cpu=True),
        Rate("get-64", "GET 4 KiB, 64", connections=64,
             **get).judge(1.0, 1.2, cpu=True).beside(
                 "nginx", "apache", "lighttpd", "rclone"),
        Rate("get-512", "GET 4 KiB, 512", connections=512,
             **get).judge(1.0, 1.2, cpu=True),
        Password("get-own-16", "GET 4 KiB, own password, 16", connections=16,
                 **get).judge(1.0, 1.2, cpu=True),
        Password("get-own-64", "GET 4 KiB, own password, 64", connections=64,
                 **get).judge(1.0, 1.2, cpu=True),
        Bytes("get-large-1", f"GET {large}, 1", 1).judge(1.0, 1.0),
        Bytes("get-large-8", f"GET {large}, 8", 8).judge(1.0, 1.0),
        Rate("range-8", f"Range 64 KiB of {large}, 8", connections=8,
             **part).judge(1.0, 1.2),
        BytesTls("tls-large-1", f"GET {large} TLS 1.3, 1", 1).judge(1.0, 1.2),
        BytesTls("tls-large-8", f"GET {large} TLS 1.3, 8", 8).judge(1.0, 1.2),
        Handshakes("tls-new-16", "TLS 1.3 handshake + GET 4 KiB, 16",
                   connections=16, fresh=1, **get).judge(1.0, 1.2),
    ]


def rows_listing(sizes):
    rows = []
    for path, members, connections in (("hundred/", sizes.hundred, 8),
                                       ("many/", sizes.many, 1),
                                       ("huge/", sizes.huge, 1)):
        for allprop, word in ((1, "allprop"), (0, "8 named")):
            rows.append(Listing(
                f"propfind-{path[:-1]}-{word.replace(' ', '-')}",
                f"PROPFIND 1, {members}, {word}, {connections}", connections,
                path, members, allprop).judge(2, 3, "nginx").beside("nginx"))
    first = FirstByte("first-byte", f"PROPFIND 1, {sizes.huge}: first byte",
                      1, "huge/", sizes.huge)
    memory = StreamMemory("stream-memory",
                          f"PROPFIND 1, {sizes.huge}: memory growth")
    return rows + [
        first.judge(5, 1, None).beside("nginx"),
        memory.judge(2, 0.5, None).beside("nginx"),
        Rate("propfind-0", "PROPFIND 0, 64", "propfind", 64,
             path="small/f0", depth=0, members=1).judge(1.0, 1.3),
        Rate("options", "OPTIONS, 64", "options", 64,
             path="small/").judge(1.0, 1.0),
    ]
