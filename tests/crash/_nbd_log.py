"""A disk for nbdkit whose write cache is volatile, and which writes a log.

    nbdkit python _nbd_log.py image=FILE log=FILE

Reads see every write at once. The log holds each write with its bytes and each
flush in the order in which the disk took them, so that the disk can be built
as it is when power fails at any place of the log: what a flush covers is
there, what came later is anything. One request at a time (nbdkit does that for
Python), so a flush covers all that stands before it.
"""

import mmap
import os
import struct

import nbdkit

API_VERSION = 2
HEAD = struct.Struct("=QQQ")    # kind, offset, length
WRITE, FLUSH = 1, 2
names = {}
disk = {}


def config(key, value):
    names[key] = value


def get_ready():
    file = os.open(names["image"], os.O_RDWR)
    disk["size"] = os.fstat(file).st_size
    disk["map"] = mmap.mmap(file, disk["size"])
    disk["log"] = os.open(names["log"],
                          os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def log(kind, offset=0, data=b""):
    record = HEAD.pack(kind, offset, len(data)) + bytes(data)
    while record:
        record = record[os.write(disk["log"], record):]


def open(_):
    return 1


def get_size(_):
    return disk["size"]


def can_flush(_):
    return True


def can_fua(_):
    return nbdkit.FUA_NONE


def pread(_, buffer, offset, flags):
    buffer[:] = disk["map"][offset:offset + len(buffer)]


def pwrite(_, buffer, offset, flags):
    log(WRITE, offset, buffer)
    disk["map"][offset:offset + len(buffer)] = bytes(buffer)


def flush(_, flags):
    log(FLUSH)
