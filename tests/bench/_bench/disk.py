"""What the disk allows to one who syncs: the floor beside the durable rows,
measured between the servers, as a busy disk is ten times slower."""

import os
import shutil
import subprocess
import tempfile
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


def create_us(folder, groups=8, count=250):
    """Microseconds for a small file without a sync, in the slowest of some
    block groups: ten or twenty, or ten times that where the file system
    passes over freed inodes."""
    place = tempfile.mkdtemp(prefix="disk-create-", dir=folder)
    if shutil.which("chattr"):
        subprocess.run(["chattr", "+T", place], check=False,
                       capture_output=True)
    slowest = 0
    for group in range(groups):
        inside = os.path.join(place, str(group))
        os.mkdir(inside)
        begun = time.monotonic()
        for number in range(count):
            with open(os.path.join(inside, str(number)), "wb") as file:
                file.write(b"x" * 4096)
        slowest = max(slowest, time.monotonic() - begun)
    return slowest / count * 1e6


def calm_wait(folder, seconds, limit_us, say):
    """Until files are created quickly again, or so long at most; returns what
    one takes then."""
    until = time.monotonic() + seconds
    while True:
        spent = create_us(folder)
        if spent <= limit_us:
            return spent
        say(f"a new file takes {spent:.0f} us: the disk is busy, or many "
            "files were removed in the last minutes; peers that create files "
            "look worse than they are")
        if time.monotonic() + 15 > until:
            return spent
        time.sleep(15)


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
