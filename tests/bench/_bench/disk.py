"""What the disk allows to one who syncs: the floor beside the durable rows,
measured between the servers, as a busy disk is ten times slower."""

import os
import time

BLOCK = 1 << 20


def files_rate(folder, seconds):
    """New files of 4 KiB, one at a time, each on disk under its name before
    the next: create, write, fsync, rename, fsync of the directory."""
    content = os.urandom(4096)
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    begun, count = time.monotonic(), 0
    try:
        while time.monotonic() - begun < seconds:
            path = os.path.join(folder, f"disk-{begun}-{count}")
            file = os.open(path + ".new", os.O_CREAT | os.O_WRONLY, 0o600)
            try:
                os.write(file, content)
                os.fsync(file)
            finally:
                os.close(file)
            os.rename(path + ".new", path)
            os.fsync(directory)
            count += 1
        return count / (time.monotonic() - begun)
    finally:
        os.close(directory)


def write_rate(folder, size):
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
    return size // BLOCK * BLOCK / spent / 1e9
