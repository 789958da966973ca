"""One server asked in another way: another port, other credentials, TLS."""


class View:
    """What a request needs of a server, for a port of it."""

    def __init__(self, server, port, auth, tls=None):
        self.name = server.name
        self.base = server.base
        self.process = server.process
        self.port = port
        self.auth = auth
        self.tls = tls
