"""A folder on a disk that loses power: what must be there, what may be.

Files and folders are objects; a name leads to one. Of each it is known what
surely is on the disk (`base`, `names`) and which calls since then are pending.
A sync makes durable what had ended on its object when it began; O_DSYNC makes
the one write durable. Everything else may or may not have reached the disk, in
any order, with these limits, which disks and file systems keep:

- a sector of 512 bytes is as it was between two of its writes, never mixed;
- a rename within a folder is done or not; across two folders it may be that
  the new name is there and the old one too;
- what was written behind a shortening is not there without it.

The sync of a file does not make its name durable: stricter than ext4 is.
"""

import os

from _record import ALLOCATE, CREATE, DSYNC, EXCHANGE, LINK, MAP, MKDIR, \
    RENAME, SYNC, TRUNCATE, UNLINK, WRITE

SECTOR = 512
# Of older changes of names the file system has written its journal.
NAMES_PENDING = 48
KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE = 1, 2, 16


class File:
    """Its durable bytes, and the calls since."""

    def __init__(self, base=b"", mode=0o600):
        self.base, self.mode = bytearray(base), mode
        self.pending, self.sure, self.mapped = [], set(), False

    def synced(self, before):
        self.sure.update(event.at for event in self.pending
                         if event.at < before)
        done = 0
        while done < len(self.pending) and \
                self.pending[done].at in self.sure:
            apply(self.base, self.pending[done])
            self.sure.discard(self.pending[done].at)
            done += 1
        del self.pending[:done]

    def add(self, event):
        self.pending.append(event)
        if event.kind == WRITE and event.flags & DSYNC:
            self.sure.update(e.at for e in self.pending
                             if e is event or e.kind == TRUNCATE)

    def content(self, choice):
        """The bytes after the cut: choice.data(event, sector) says what of
        the pending writes came through, with None what of the rest."""
        data = bytearray(self.base)
        if not self.pending:
            return data
        through = self.versions(choice)
        for number, event in enumerate(self.pending):
            if event.kind == WRITE:
                put_sectors(data, event, number, through)
            elif event.at in self.sure or choice.data(event, None):
                apply(data, event)
            elif event.kind == TRUNCATE and event.length < len(data):
                break
        end = max(event.offset + event.length for event in self.pending)
        if choice.zeros and end > len(data):
            data.extend(bytes(end - len(data)))
        return data

    def versions(self, choice):
        """For each sector the last pending write that it has."""
        through = {}
        for number, event in enumerate(self.pending):
            if event.kind != WRITE:
                continue
            sure = event.at in self.sure
            for sector in sectors(event):
                if sure or choice.data(event, sector):
                    through[sector] = number
        return through


def sectors(event):
    return range(event.offset // SECTOR,
                 (event.offset + event.length - 1) // SECTOR + 1)


def put_at(data, offset, piece):
    if len(data) < offset:
        data.extend(bytes(offset - len(data)))
    data[offset:offset + len(piece)] = piece


def put_sectors(data, event, number, through):
    """The sectors of a write that are as new as it, runs at a time."""
    begin = None
    for sector in sectors(event):
        if through.get(sector, -1) >= number:
            begin = sector if begin is None else begin
            continue
        if begin is not None:
            put_run(data, event, begin, sector)
        begin = None
    if begin is not None:
        put_run(data, event, begin, sectors(event).stop)


def put_run(data, event, begin, end):
    start = max(begin * SECTOR, event.offset)
    stop = min(end * SECTOR, event.offset + event.length)
    put_at(data, start, event.data[start - event.offset:stop - event.offset])


def apply(data, event):
    """The whole of a call."""
    if event.kind == WRITE:
        put_at(data, event.offset, event.data)
    elif event.kind == TRUNCATE:
        del data[event.length:]
        data.extend(bytes(event.length - len(data)))
    elif event.kind == ALLOCATE:
        end = event.offset + event.length
        if event.flags & (PUNCH_HOLE | ZERO_RANGE):
            stop = min(end, len(data))
            if stop > event.offset:
                data[event.offset:stop] = bytes(stop - event.offset)
        if not event.flags & KEEP_SIZE and len(data) < end:
            data.extend(bytes(end - len(data)))


class Folder:
    def __init__(self, mode=0o700):
        self.names, self.mode = {}, mode


class Part:
    """One name that a call changed, in one folder. `found` None: gone."""

    def __init__(self, event, folder, name, found):
        self.at = event.at
        self.folder, self.name, self.found = folder, name, found
        self.sure = False

    def apply(self, names):
        entries = names(self.folder)
        if self.found is None:
            entries.pop(self.name, None)
        else:
            entries[self.name] = self.found


class Disk:
    """The folder from its snapshot on, call by call."""

    def __init__(self, root):
        self.inodes, self.changes = {}, []
        self.root = self.load(root)
        self.now = {}       # folder -> names as running processes see them

    def load(self, path):
        info = os.lstat(path)
        if not os.path.isdir(path):
            with open(path, "rb") as file:
                found = File(file.read(), info.st_mode & 0o777)
        else:
            found = Folder(info.st_mode & 0o777)
            for name in os.listdir(path):
                found.names[name] = self.load(os.path.join(path, name))
        self.inodes[info.st_ino] = found
        return found

    def live(self, folder):
        return self.now.setdefault(folder, dict(folder.names))

    # -- calls ---------------------------------------------------------

    def feed(self, event):
        kind = event.kind
        if kind == SYNC:
            self.sync(event)
        elif kind in (WRITE, TRUNCATE, ALLOCATE):
            self.inodes[event.inode].add(event)
        elif kind == MAP:
            self.inodes[event.inode].mapped = True
        elif kind == CREATE and event.folder == 0:
            self.inodes[event.inode] = File()
        else:
            self.feed_names(event)

    def feed_names(self, event):
        folder = self.inodes[event.folder]
        name = event.names()[0]
        if event.kind == UNLINK:
            self.change(Part(event, folder, name, None))
        elif event.kind == RENAME:
            self.rename(event, folder)
        elif event.kind == LINK:
            self.change(Part(event, folder, name, self.inodes[event.inode]))
        elif event.kind == MKDIR:
            self.inodes[event.inode] = Folder()
            self.change(Part(event, folder, name, self.inodes[event.inode]))
        elif event.inode == 0:
            pass    # another process had unlinked it when it was looked at
        elif name not in self.live(folder):
            self.inodes[event.inode] = File()
            self.change(Part(event, folder, name, self.inodes[event.inode]))

    def rename(self, event, folder):
        if event.flags & EXCHANGE:
            raise ValueError("an exchange of names is not understood")
        old, new = event.names()
        found = self.inodes[event.inode]
        self.change(Part(event, self.inodes[event.target], new, found),
                    Part(event, folder, old, None))

    def change(self, *parts):
        for part in parts:
            part.apply(self.live)
        self.changes.append(parts)
        self.settle()

    def settle(self):
        """Sure changes at the front, and old ones, are on the disk."""
        while self.changes and (len(self.changes) > NAMES_PENDING or
                                all(p.sure for p in self.changes[0])):
            for part in self.changes.pop(0):
                part.apply(lambda folder: folder.names)

    def sync(self, event):
        found = [self.inodes[event.inode]] if event.inode else \
            list(self.inodes.values())
        for item in found:
            if isinstance(item, File):
                item.synced(event.offset)
            else:
                self.sync_folder(item, event.offset)
        self.settle()

    def sync_folder(self, folder, before):
        for parts in self.changes:
            for part in parts:
                if part.folder is folder and part.at < before:
                    part.sure = True

    # -- after the cut ---------------------------------------------------

    def names_after(self, choice):
        """Folder -> names on the disk: choice(parts) says whether a change
        that is not sure came through."""
        after = {}

        def names(folder):
            return after.setdefault(folder, dict(folder.names))
        for parts in self.changes:
            some = any(part.sure for part in parts)
            whole = not some and choice(parts)
            for part in parts:
                if part.sure or whole or (some and choice(parts)):
                    part.apply(names)
        return names

    def save(self, target, choice):
        """Write the folder as the disk has it after the cut."""
        names, written = self.names_after(choice.names), {}

        def save(folder, path):
            os.mkdir(path, folder.mode)
            for name, found in names(folder).items():
                place = os.path.join(path, name)
                if isinstance(found, Folder):
                    save(found, place)
                elif found in written:
                    os.link(written[found], place)
                else:
                    written[found] = place
                    save_file(found, place, choice)
        save(self.root, target)


def save_file(file, place, choice):
    data = file.content(choice)
    if file.mapped:
        data = choice.mapped(data)
    handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, file.mode)
    with os.fdopen(handle, "wb") as out:
        out.write(data)
