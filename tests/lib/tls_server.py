"""A server that speaks TLS, with a certificate of its own."""

import os
import ssl
import subprocess


def certificate(folder, name="server", key="ec"):
    """A self-signed certificate for 127.0.0.1: paths of both files."""
    paths = [os.path.join(folder, name + end) for end in (".pem", ".key")]
    kind = ["-newkey", "rsa:2048"] if key == "rsa" else \
        ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    subprocess.run(["openssl", "req", "-x509", *kind, "-nodes", "-days", "90",
                    "-subj", "/CN=" + name, "-addext",
                    "subjectAltName=IP:127.0.0.1", "-out", paths[0],
                    "-keyout", paths[1]], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return paths


def tls_configure(server, key="ec"):
    """TLS at the server's port: the path of the certificate."""
    paths = certificate(server.dir, key=key)
    server.configure(None, "listen", ["tls://127.0.0.1:%d" % server.port])
    server.configure("tls", "certificate", paths[0])
    server.configure("tls", "key", paths[1])
    return paths[0]


def tls_context(path):
    return ssl.create_default_context(cafile=path)
