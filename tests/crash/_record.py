"""Reads the record that tests/lib/shim makes of a folder."""

import mmap
import os
import struct

HEAD = struct.Struct("=QIIQQQQQII")
WRITE, SYNC, TRUNCATE, ALLOCATE, CREATE, MKDIR, RENAME, LINK, UNLINK, MAP = \
    range(1, 11)
DSYNC, EXCHANGE = 1, 2


class Event:
    """One call that reached the folder; `at` and `end` are its place."""

    __slots__ = ("at", "end", "kind", "flags", "inode", "folder", "target",
                 "offset", "length", "data")

    def names(self):
        return [os.fsdecode(name) for name in
                bytes(self.data).split(b"\0")[:2]]


def read_record(path):
    """All events, in order. One that was not finished ends the record."""
    events = []
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        view = memoryview(mmap.mmap(file.fileno(), 0,
                                    access=mmap.ACCESS_READ))
    at = 0
    while at + HEAD.size <= size:
        event = Event()
        (length, event.kind, event.flags, event.inode, event.folder,
         event.target, event.offset, event.length, _, _) = \
            HEAD.unpack_from(view, at)
        if length == 0:
            break
        event.at, event.end = at, at + length
        event.data = view[at + HEAD.size:at + length]
        if event.kind == WRITE:
            event.data = event.data[:event.length]
        events.append(event)
        at += length
    return events
