"""Servers that are killed, and servers on a copy of a state, as on a disk that
came back."""

import os
import shutil
import socket

import wire
from celldav import FixtureError, Server


class Mortal(Server):
    """A server that can be started at once when it was killed: the threads of
    a dead process let go of its sockets one by one."""

    def kill(self):
        super().kill()
        if not wire.wait_until(self.port_free, 30):
            raise FixtureError("the port of a dead server stays taken")

    def port_free(self):
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind(("127.0.0.1", self.port))
                return True
            except OSError:
                return False


class Replica(Mortal):
    """The server of `original`, on a state of its own; the same users, the
    same port (so the original must not run)."""

    def __init__(self, original, folder):
        self.__dict__.update(original.__dict__)
        self.scratch, self.process = folder, None
        self.dir = os.path.join(folder, "run")
        self.state = os.path.join(self.dir, "state")
        self.conf_path = os.path.join(self.dir, "celldav.conf")
        self.log_path = os.path.join(folder, "stderr.log")
        self.out_path = os.path.join(folder, "stdout.log")
        os.makedirs(self.dir)
        for name in os.listdir(original.dir):
            if name != "state":
                shutil.copy2(os.path.join(original.dir, name), self.dir)

    def remove(self):
        if self.process is not None:
            self.kill()
        shutil.rmtree(self.scratch)
