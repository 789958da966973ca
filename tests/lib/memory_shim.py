"""Allocations of a running process counted, and the N-th made to fail.

    memory = MemoryShim(folder)
    server.start(preload=memory.environment())
    memory.arm(server.worker, 7)
    ...
    memory.disarm(); memory.acted; memory.live
"""

import ctypes
import mmap
import os
import subprocess

MAGIC = 0x6d656d2d7368696d


class _Control(ctypes.Structure):
    _fields_ = [("magic", ctypes.c_uint64), ("armed", ctypes.c_uint32),
                ("pid", ctypes.c_uint32), ("at", ctypes.c_uint64),
                ("seen", ctypes.c_uint64), ("acted", ctypes.c_uint64),
                ("live", ctypes.c_int64),
                ("magic_failed", ctypes.c_uint32)]


class MemoryShim:
    """The library, built, and the file by which it is commanded."""

    def __init__(self, folder):
        self.library = os.path.join(folder, "shim_memory.so")
        here = os.path.dirname(os.path.abspath(__file__))
        subprocess.run(
            ["gcc", "-std=gnu17", "-O2", "-fPIC", "-shared", "-fno-builtin",
             "-Wall", "-Wextra", "-Werror", "-o", self.library,
             os.path.join(here, "shim_memory", "memory.c")], check=True)
        self.path = os.path.join(folder, "shim_memory.control")
        with open(self.path, "w+b") as file:
            file.truncate(ctypes.sizeof(_Control))
            self._map = mmap.mmap(file.fileno(), 0)
        self._control = _Control.from_buffer(self._map)
        self._control.magic = MAGIC

    def environment(self):
        return {"LD_PRELOAD": self.library, "SHIM_MEMORY": self.path}

    def watch(self, pid):
        """Count the blocks of this process from here on."""
        self._control.armed = 0
        self._control.live = 0
        self._control.pid = pid

    def arm(self, at):
        """The at-th allocation of the watched process will fail."""
        self._control.seen = self._control.acted = 0
        self._control.magic_failed = 0
        self._control.at = at
        self._control.armed = 1

    def disarm(self):
        self._control.armed = 0

    @property
    def acted(self):
        return self._control.acted

    @property
    def seen(self):
        return self._control.seen

    @property
    def live(self):
        return self._control.live

    @property
    def magic_failed(self):
        """The allocation that failed was wanted by libmagic, itself or by
        way of libc."""
        return self._control.magic_failed != 0
