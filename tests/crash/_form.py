"""What the commands of this folder share: words, history, exit status."""

import argparse
import json
import os
import random
import subprocess
import sys
import time


def is_long():
    return os.environ.get("TEST_FORM") == "long"


def arguments(text, short, full):
    """The options of a command: name -> value in the short and full form.
    A value that is not given comes from the form that TEST_FORM names."""
    alone()
    parser = argparse.ArgumentParser(
        description=text, formatter_class=argparse.RawTextHelpFormatter)
    for name, value in full.items():
        parser.add_argument("--" + name, type=type(value), default=None,
                            help="short %s, full %s" % (short[name], value))
    parser.add_argument("--full", action="store_true",
                        help="the full form, as with TEST_FORM=long")
    parser.add_argument("--seed", type=int, help="else a random one")
    parser.add_argument("--control", action="store_true",
                        help="only the negative control: 0 if it goes red")
    parser.add_argument("--history", metavar="FILE",
                        help="where the history goes, a JSON line each")
    options = parser.parse_args()
    chosen = full if options.full or is_long() else short
    for name, value in chosen.items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    if options.seed is None:
        options.seed = random.SystemRandom().randrange(2 ** 32)
    print("seed %d, %s" % (options.seed, ", ".join(
        "%s %s" % (name, getattr(options, name)) for name in full)),
        flush=True)
    return options


def history_write(path, head, ops):
    """One line for the seed and the faults, one for each operation."""
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(head) + "\n")
        for op in ops:
            file.write(json.dumps(op.row()) + "\n")


def alone():
    """Begin anew in namespaces of our own, where they can be had: no port is
    taken by others, and nothing stays mounted."""
    if os.environ.get("CRASH_ALONE") or os.geteuid() != 0:
        return
    os.environ["CRASH_ALONE"] = "yes"
    words = ["unshare", "-n", "-m"]
    if subprocess.run([*words, "true"], check=False,
                      stderr=subprocess.DEVNULL).returncode == 0:
        os.execvp(words[0], [*words, "sh", "-c",
                             'ip link set lo up && exec "$@"', "sh",
                             sys.executable, "-B", *sys.argv])


def clock():
    return time.monotonic()


def finish(faults, control):
    """The exit status: a control must have found something."""
    for fault in faults[:20]:
        print("CAUGHT" if control else "VIOLATION", fault)
    if control:
        print("control: %d faults, which is %s" % (
            len(faults), "right" if faults else "WRONG: it must go red"))
        return 0 if faults else 1
    print("%d violations" % len(faults))
    return 1 if faults else 0


def skip(why):
    print("SKIPPED: " + why)
    sys.exit(77)
