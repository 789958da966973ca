#!/usr/bin/python3 -B
"""TLS as reliability.md 8 wants it, by the word of sslscan and testssl.sh,
with an ECDSA and with an RSA certificate.

seconds: 300

Short: sslscan, and testssl.sh on protocols, ciphers and the answer's header.
Long (TEST_FORM=long): testssl.sh on weaknesses and preferences too. Control:
an OpenSSL server with CBC and more groups beside it is found wanting.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import xml.etree.ElementTree as ET

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))

from celldav import Server, free_port                            # noqa: E402
from tls_server import certificate, tls_configure                # noqa: E402

PROTOCOLS = {("tls", "1.2"), ("tls", "1.3")}
MODERN = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
          "TLS_CHACHA20_POLY1305_SHA256"}
GROUPS = {"secp256r1", "secp384r1", "x25519"}
QUIET = ("OK", "INFO")
# What the client decides by design (Mozilla's intermediate profile), and what
# a certificate made for one test lacks.
EXPECTED = {"cipher_order", "cert_chain_of_trust", "cert_trust",
            "cert_revocation", "cert_crlDistributionPoints", "OCSP_stapling",
            "cert_expirationStatus", "DNS_CAArecord", "scanTime",
            "certificate_transparency", "cert_validityPeriod",
            "engine_problem"}
SHORT, LONG = ["-p", "-s", "-h"], ["-p", "-s", "-f", "-P", "-S", "-h", "-U"]


def intermediate(kind):
    return {"ECDHE-%s-%s" % (kind, cipher) for cipher in (
        "AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305")}


def sslscan_faults(port, kind):
    """What sslscan sees that is not the profile."""
    done = subprocess.run(["sslscan", "--no-colour", "--xml=-",
                           "127.0.0.1:%d" % port], check=True, timeout=120,
                          stdout=subprocess.PIPE)
    scan = ET.fromstring(done.stdout).find("ssltest")
    on = {(one.get("type"), one.get("version"))
          for one in scan.findall("protocol") if one.get("enabled") == "1"}
    ciphers = {one.get("cipher") for one in scan.findall("cipher")}
    groups = {one.get("name").split(" ")[0].lower()
              for one in scan.findall("group")}
    if on != PROTOCOLS:
        yield "protocols: %s" % sorted(on)
    if ciphers != MODERN | intermediate(kind):
        yield "ciphers: %s" % sorted(ciphers)
    if not GROUPS <= groups <= GROUPS | {"x25519mlkem768"}:
        yield "groups: %s" % sorted(groups)
    if scan.find("renegotiation").get("supported") != "0":
        yield "renegotiation"
    if any(one.get("vulnerable") != "0" for one in scan.findall("heartbleed")):
        yield "heartbleed"


def testssl_faults(port, folder, words, path="/healthz"):
    """What testssl.sh finds to be less than good."""
    report = os.path.join(folder, "testssl-%d.json" % port)
    subprocess.run(["testssl", "--quiet", "--color", "0", "--warnings", "off",
                    "--jsonfile", report, *words,
                    "https://127.0.0.1:%d%s" % (port, path)], check=False,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, timeout=280)
    with open(report, encoding="utf-8") as file:
        found = json.load(file)
    if len(found) < 20:
        yield "testssl.sh gave up: %s" % found
    for one in found:
        if one["severity"] not in QUIET and one["id"] not in EXPECTED:
            yield "%(severity)s %(id)s: %(finding)s" % one
    strict = [one["finding"] for one in found if one["id"] == "HSTS_time"]
    if not strict or "63072000" not in strict[0]:
        yield "HSTS: %s" % strict


def profile_check(kind, words):
    server = Server()
    try:
        tls_configure(server, "rsa" if kind == "RSA" else "ec")
        # testssl.sh names no port in Host.
        server.configure(None, "server_names", ["127.0.0.1"])
        server.start()
        faults = list(sslscan_faults(server.port, kind))
        if words:
            faults += testssl_faults(server.port, server.scratch, words)
        return faults
    finally:
        server.close()


def weak_server(folder):
    """OpenSSL's own, with what must not be."""
    paths, port = certificate(folder), free_port()
    process = subprocess.Popen(
        ["openssl", "s_server", "-accept", "127.0.0.1:%d" % port, "-quiet",
         "-cert", paths[0], "-key", paths[1], "-www", "-tls1_2", "-cipher",
         "ALL:@SECLEVEL=0"], stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            time.sleep(0.05)
    return process, port


def control_check():
    """Whether a server that is not as wanted is found."""
    folder = os.path.join(os.environ.get("SCRATCH") or "/tmp", "weak")
    os.makedirs(folder, exist_ok=True)
    process, port = weak_server(folder)
    try:
        return list(sslscan_faults(port, "ECDSA"))
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    for tool in ("sslscan", "testssl"):
        if shutil.which(tool) is None:
            print("%s is missing" % tool)
            return 77
    whole = os.environ.get("TEST_FORM") == "long" or "--long" in sys.argv
    failed = 0
    for kind, words in (("ECDSA", LONG if whole else SHORT),
                        ("RSA", LONG if whole else None)):
        faults = profile_check(kind, words)
        print("%s: %s" % (kind, "; ".join(faults) or "as wanted"))
        failed += len(faults)
    found = control_check()
    print("control: %d faults of a weak server found" % len(found))
    return 1 if failed or len(found) < 2 else 0


if __name__ == "__main__":
    sys.exit(main())
