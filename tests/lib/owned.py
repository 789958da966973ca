"""A server for one case alone, so that the case may break it."""

import os
import shutil

from celldav import Server


class Owned:
    """A server with user alice and cell a, closed when the case ends."""

    def __init__(self, **options):
        self.server = Server(**options)
        self.server.user("alice")
        self.server.cell("a", "alice")

    def __enter__(self):
        return self.server

    def __exit__(self, kind, *_):
        if kind is None:
            self.server.stop()
            faults = self.server.log_faults() \
                if os.path.exists(self.server.log_path) else []
            self.server.close()
            if faults:
                raise AssertionError("; ".join(faults))
        else:
            if self.server.process is not None:
                self.server.process.kill()
                self.server.process.wait()
            shutil.rmtree(self.server.scratch, ignore_errors=True)


def put(t, server, name, body):
    with server.client("alice") as alice:
        return t.status(alice.put("/dav/a/" + name, body), 201, 204)
