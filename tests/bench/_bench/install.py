"""Brings the peers from Debian, and never lets their services start."""

import glob
import os
import shutil
import subprocess
import tempfile

POLICY = "/usr/sbin/policy-rc.d"

# What a peer needs: package -> a file that shows that it is there.
PACKAGES = {
    "nginx": {
        "nginx-extras": "/usr/sbin/nginx",
        "libnginx-mod-http-dav-ext":
            "/usr/lib/nginx/modules/ngx_http_dav_ext_module.so"},
    "apache": {
        "apache2-bin": "/usr/lib/apache2/modules/mod_dav_fs.so"},
    "lighttpd": {
        "lighttpd": "/usr/sbin/lighttpd",
        "lighttpd-mod-webdav": "/usr/lib/lighttpd/mod_webdav.so",
        "lighttpd-mod-openssl": "/usr/lib/lighttpd/mod_openssl.so"},
    "rclone": {"rclone": "/usr/bin/rclone"},
}
COMPILER = {"gcc": "/usr/bin/gcc", "libc6-dev": "/usr/include/stdio.h",
            "libssl-dev": "/usr/include/openssl/ssl.h",
            "openssl": "/usr/bin/openssl"}


def missing(names):
    wanted = dict(COMPILER)
    for name in names:
        wanted.update(PACKAGES.get(name, {}))
    return [package for package, path in wanted.items()
            if not glob.glob(path)]


def _as_root(*words):
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    return subprocess.run([*sudo, *words], check=False, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True,
                          env=dict(os.environ,
                                   DEBIAN_FRONTEND="noninteractive"))


def _policy_set():
    """Where the machine has no policy of its own, one for as long as the
    installation runs: no service is started."""
    if os.path.exists(POLICY):
        return False
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("#!/bin/sh\nexit 101\n")
        file.flush()
        return _as_root("install", "-m", "755", file.name,
                        POLICY).returncode == 0


def install(names, say):
    """Installs what is missing; returns what is missing still."""
    packages = missing(names)
    if not packages:
        return []
    if os.geteuid() != 0 and shutil.which("sudo") is None:
        return packages
    say("installing: " + " ".join(packages))
    apt = ("apt-get", "-o", "DPkg::Lock::Timeout=600",
           "-o", "Acquire::Retries=1", "-y", "-q")
    made = _policy_set()
    try:
        _as_root(*apt, "update")
        done = _as_root(*apt, "--no-install-recommends", "install",
                        *packages)
    finally:
        if made:
            _as_root("rm", "-f", POLICY)
    if done.returncode != 0:
        say("apt-get: " + done.stderr.strip()[-600:])
    return missing(names)


def versions():
    """Version of each package that is there, for the record."""
    found = {}
    for row in PACKAGES.values():
        for package in row:
            done = subprocess.run(
                ["dpkg-query", "-W", "-f", "${Version}", package],
                check=False, capture_output=True, text=True)
            if done.returncode == 0:
                found[package] = done.stdout
    return found
