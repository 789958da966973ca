"""An authority of the run, and a certificate that it signed: P-256, for the
loopback address. The servers share it."""

import os
import subprocess

from process import Failure


class Certificate:
    """Made at first use; `folder` holds cert.pem and key.pem."""

    def __init__(self, folder):
        self.folder = os.path.join(folder, "tls")
        self.authority = os.path.join(self.folder, "authority.pem")
        if not os.path.isdir(self.folder):
            os.makedirs(self.folder)
            self.make()
            for name in ("cert.pem", "key.pem"):
                os.chmod(os.path.join(self.folder, name), 0o644)

    def openssl(self, *words):
        done = subprocess.run(["openssl", *words], cwd=self.folder,
                              check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure("openssl: " + done.stderr.strip()[-300:])

    def make(self):
        key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
               "-nodes")
        self.openssl("req", "-x509", *key, "-keyout", "authority.key",
                     "-out", "authority.pem", "-days", "30",
                     "-subj", "/CN=bench authority")
        self.openssl("req", *key, "-keyout", "key.pem", "-out", "request.pem",
                     "-subj", "/CN=bench")
        with open(os.path.join(self.folder, "names"), "w",
                  encoding="ascii") as file:
            file.write("subjectAltName=IP:127.0.0.1\n")
        self.openssl("x509", "-req", "-in", "request.pem", "-CA",
                     "authority.pem", "-CAkey", "authority.key",
                     "-CAcreateserial", "-days", "30", "-extfile", "names",
                     "-out", "cert.pem")
