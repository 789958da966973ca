"""What the disk allows to one who syncs: the floor beside the durable rows,
measured between the servers, as a busy disk is ten times slower."""

import os
import time

BLOCK = 1 << 20


def _file_make(directory, path, content):
    file = os.open(path + ".new", os.O_CREAT | os.O_WRONLY, 0o600)
    try:
        os.write(file, content)
        os.fsync(file)
    finally:
        os.close(file)
    os.rename(path + ".new", path)
    os.fsync(directory)


def files(folder, seconds):
    """New files of 4 KiB, one at a time, each on disk under its name before
    the next: create, write, fsync, rename, fsync of the directory. Rate, and
    99th percentile in microseconds."""
    content = os.urandom(4096)
    begun = time.monotonic()
    place = os.path.join(folder, f"disk-{begun}")
    os.mkdir(place)
    directory = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    spent, now = [], begun
    try:
        while now - begun < seconds:
            _file_make(directory, os.path.join(place, str(len(spent))),
                       content)
            before, now = now, time.monotonic()
            spent.append(now - before)
    finally:
        os.close(directory)
    spent.sort()
    return {"value": len(spent) / (now - begun),
            "p99": spent[int(0.99 * (len(spent) - 1))] * 1e6}


def create_us(folder, count=2000):
    """Microseconds for a small file without a sync: ten or twenty, or ten
    times that where the file system passes over freed inodes."""
    place = os.path.join(folder, "disk-create")
    os.mkdir(place)
    begun = time.monotonic()
    for number in range(count):
        with open(os.path.join(place, str(number)), "wb") as file:
            file.write(b"x" * 4096)
    return (time.monotonic() - begun) / count * 1e6


def write(folder, size):
    """One large file, written and on disk, GB/s; the second of two counts,
    as with PUT."""
    content = os.urandom(BLOCK)
    path = os.path.join(folder, "disk-large")
    spent = 0
    for _ in range(2):
        file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        begun = time.monotonic()
        try:
            for _ in range(size // BLOCK):
                os.write(file, content)
            os.fdatasync(file)
        finally:
            os.close(file)
        spent = time.monotonic() - begun
        os.unlink(path)
    return {"value": size // BLOCK * BLOCK / spent / 1e9}
