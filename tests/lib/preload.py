"""The test's side of shim/: rules for a running process, and its record.

    shim = Shim(scratch, root=state_folder)
    server.start(preload=shim.environment())
    rule = shim.rule(WRITE, KILL, at=3, pattern="*/blobs/*")
    ...
    rule.seen, rule.acted; rule.disarm()

With `root`, `shim.recording(True)` writes down what reaches that folder, and
`shim.position` is where the record ends now: what a client was told before it
read the position stands in front of it.
"""

import ctypes
import mmap
import os
import subprocess

MAGIC = 0x31306d6968736463
RULES = 16

OPEN, CREATE, READ, WRITE, SYNC, RANGE, RENAME, LINK, UNLINK, TRUNCATE, \
    ALLOCATE, COPY, MAP, MKDIR = (1 << number for number in range(14))
COUNT, KILL, KILL_HALF, KILL_AFTER, FAIL, SHORT, DELAY, PRETEND = range(8)


class _Rule(ctypes.Structure):
    _fields_ = [("armed", ctypes.c_uint32), ("kinds", ctypes.c_uint32),
                ("action", ctypes.c_uint32), ("error", ctypes.c_int32),
                ("from_", ctypes.c_uint64), ("until", ctypes.c_uint64),
                ("argument", ctypes.c_uint64), ("pid", ctypes.c_uint32),
                ("unused", ctypes.c_uint32), ("seen", ctypes.c_uint64),
                ("acted", ctypes.c_uint64), ("pattern", ctypes.c_char * 256)]


class _Control(ctypes.Structure):
    _fields_ = [("magic", ctypes.c_uint64), ("log_end", ctypes.c_uint64),
                ("recording", ctypes.c_uint32), ("unused", ctypes.c_uint32),
                ("root", ctypes.c_char * 1024), ("rules", _Rule * RULES)]


def build(folder):
    """Compile the library into a folder: its path."""
    here = os.path.dirname(os.path.abspath(__file__))
    top = os.path.abspath(os.path.join(here, "..", ".."))
    source = os.path.join(here, "shim")
    target = os.path.join(folder, "shim.so")
    files = sorted(os.path.join(source, name) for name in os.listdir(source)
                   if name.endswith(".c"))
    subprocess.run(
        ["gcc", "-std=gnu17", "-D_GNU_SOURCE", "-U_FORTIFY_SOURCE", "-O2",
         "-fPIC", "-shared", "-fno-builtin", "-Wall", "-Wextra", "-Werror",
         "-I" + top, "-o", target, *files], check=True)
    return target


class Rule:
    """One armed rule; counts go on while it is armed."""

    def __init__(self, slot):
        self._slot = slot

    @property
    def seen(self):
        """How many calls fitted."""
        return self._slot.seen

    @property
    def acted(self):
        return self._slot.acted

    def disarm(self):
        self._slot.armed = 0


class Shim:
    """The library, built, and the file by which it is commanded."""

    def __init__(self, folder, root=None):
        self.folder = folder
        self.library = build(folder)
        self.control_path = os.path.join(folder, "shim.control")
        self.record_path = os.path.join(folder, "shim.record")
        with open(self.record_path, "wb"):
            pass
        with open(self.control_path, "w+b") as file:
            file.truncate(ctypes.sizeof(_Control))
            self._map = mmap.mmap(file.fileno(), 0)
        self._control = _Control.from_buffer(self._map)
        self._control.magic = MAGIC
        if root:
            self._control.root = os.path.realpath(root).encode()

    def environment(self):
        """What a process to be watched must have in its environment."""
        return {"LD_PRELOAD": self.library,
                "SHIM_CONTROL": self.control_path,
                "SHIM_RECORD": self.record_path}

    def rule(self, kinds, action, at=1, until=None, pattern="", error=0,
             argument=0, pid=0):
        """Arm: acts on the calls `at`..`until` (None: that one alone, 0: all
        that follow) of these kinds whose absolute path fits the pattern
        (fnmatch, * also matches /). Counts begin at 0."""
        for slot in self._control.rules:
            if slot.armed == 0:
                break
        else:
            raise ValueError("all rules are armed")
        slot.kinds, slot.action, slot.error = kinds, action, error
        slot.from_, slot.until = at, at if until is None else until
        slot.argument, slot.pid = argument, pid
        slot.seen = slot.acted = 0
        slot.pattern = pattern.encode()
        slot.armed = 1
        return Rule(slot)

    def clear(self):
        for slot in self._control.rules:
            slot.armed = 0

    def recording(self, on):
        self._control.recording = int(on)

    @property
    def position(self):
        """Where the record ends: one aligned load, so never half a number."""
        return self._control.log_end
