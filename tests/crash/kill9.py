#!/usr/bin/python3
"""exclusive: seconds: 3600 (of the full form).

R1: kill -9 while 64 clients write; nothing acknowledged is lost.

Most clients work each in a collection of its own, which must afterwards be
what was acknowledged, or that with the last request done as a whole. Some
fight for the same names; one changes rights and accounts by the command line.
Killed are both processes, the server process or the supervisor, after 50 to
2 000 ms. `celldav verify` must be clean each time, and readiness within 2 s.
The control lets the last large contents of a round be written nowhere.

    kill9.py [--rounds N] [--clients N] [--files N] [--seed S] [--control] ...
"""

import os
import random
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "lib"))
import preload  # noqa: E402
import wire  # noqa: E402
from _form import arguments, clock, finish, history_write  # noqa: E402
from _guard import Guard, guard_prepare  # noqa: E402
from _load import Writer, unlock_all  # noqa: E402
from _replica import Mortal  # noqa: E402
from _shared import History, Rival, seen_names  # noqa: E402

SHORT = {"rounds": 6, "clients": 64, "files": 0}
FULL = {"rounds": 200, "clients": 64, "files": 100000}
SHARED = "/dav/crash/shared/"
READY_SECONDS = 2
TRASH_EVERY = 20
VICTIMS = ["both", "both", "both", "supervisor", "server"]


class Campaign:
    """One state, killed again and again."""

    def __init__(self, options):
        self.options, self.chance = options, random.Random(options.seed)
        self.server = Mortal(conf={("log", "access"): "off"})
        self.server.user("alice")
        self.server.cell("crash", "alice")
        word = self.server.command("app-password", "add", "alice", "--label",
                                   "crash").strip()
        self.server.set_password("alice", word)
        self.fill(options.files)
        self.shim = preload.Shim(self.server.scratch) \
            if options.control else None
        self.start()
        self.rivals_count = options.clients // 5
        self.trees = [{} for _ in range(options.clients
                                        - self.rivals_count)]
        with self.server.client("alice") as client:
            for number in range(len(self.trees)):
                client.mkcol("/dav/crash/w%d/" % number)
            client.mkcol(SHARED)
            self.names = seen_names(client, SHARED)
        guard_prepare(self.server)
        self.guard = self.rights = None
        self.etags, self.total = {}, 0
        self.commands, self.ready_most, self.victim = 0, 0, None

    def fill(self, count):
        """Files that are only there: readiness must not depend on them."""
        if count == 0:
            return
        folder = os.path.join(self.server.scratch, "import")
        for number in range(count):
            path = os.path.join(folder, "d%d" % (number // 1000))
            if number % 1000 == 0:
                os.makedirs(path)
            with open(os.path.join(path, "f%d" % number), "wb") as file:
                file.write(b"%d" % number)
        self.server.cell("filled", "alice")
        self.server.command("cell", "import", "filled", folder)

    def start(self):
        self.server.start(preload=self.shim.environment()
                          if self.shim else None)

    # -- one round -----------------------------------------------------

    def crews(self, seed):
        """The writers and rivals of a round, each with its own seed."""
        chance = random.Random(seed)
        writers = [Writer(self.server, number, chance.random(), clock,
                          tree=tree)
                   for number, tree in enumerate(self.trees)]
        rivals = [Rival(self.server, number, chance.random(), clock, SHARED)
                  for number in range(self.rivals_count)]
        return writers, rivals

    def kill(self, victim):
        if self.server.worker_pid() != self.server.worker:
            raise SystemExit("the server process is not the one it was: "
                             + self.server.log()[-1000:])
        if victim != "supervisor":
            os.kill(self.server.worker, signal.SIGKILL)
        if victim != "server":
            self.server.kill()

    def again(self, victim):
        """Ready once more: after how many seconds."""
        begun = time.monotonic()
        if victim != "server":
            self.start()
            return time.monotonic() - begun

        def answers():
            try:
                with self.server.client("alice") as client:
                    return client.propfind("/dav/crash/").status == 207
            except (OSError, wire.WireError):
                return False
        if not wire.wait_until(answers, 60):
            raise SystemExit("the supervisor starts no new server process: "
                             + self.server.log()[-1000:])
        self.server.worker = self.server.worker_pid()
        return time.monotonic() - begun

    def work(self, crews, pause, victim):
        """Clients at work, then the kill: seconds until it was ready."""
        self.guard = Guard(self.server, self.chance.random(), clock,
                           self.rights)
        self.guard.start()
        for crew in crews:
            crew.start()
        time.sleep(pause)
        if self.shim:
            self.shim.rule(preload.WRITE, preload.PRETEND, until=0,
                           pattern="*/staging/*")
            time.sleep(0.2)
        self.kill(victim)
        for crew in crews:
            crew.ending = True
        if self.shim:
            self.shim.clear()
        ready = self.again(victim)
        for crew in crews:
            crew.join(60)
        self.guard.end()
        self.commands += len(self.guard.history)
        self.rights = self.guard.state(clock())
        return ready

    def faults_after(self, writers, rivals):
        # The control shall be caught by what is there afterwards.
        faults = [] if self.shim else [
            crew.fault for crew in writers + rivals if crew.fault]
        end = clock()
        with self.server.client("alice") as client:
            for writer in writers:
                fault = writer.check(client, end, self.etags) or \
                    unlock_all(client, writer)
                if fault:
                    faults.append(fault)
            names = seen_names(client, SHARED)
        history = History(self.names, [op for rival in rivals
                                       for op in rival.ops])
        faults += history.faults(names)
        faults += [fault for fault in [self.guard.check(end)] if fault]
        self.trees = [writer.tree for writer in writers]
        self.names = names
        return faults + self.verified()

    def verified(self):
        done = self.server.run("verify")
        return [] if done.returncode == 0 else \
            ["verify: " + done.stdout[-500:] + done.stderr[-500:]]

    def round(self, number):
        """One round: its violations."""
        seed = self.chance.randrange(2 ** 32)
        pause = self.chance.uniform(0.05, 2.0)
        # A server process that dies again and again is started ever later.
        victim = self.chance.choice(
            VICTIMS[:-1] if self.victim == "server" else VICTIMS)
        self.victim = victim
        writers, rivals = self.crews(seed)
        ready = self.work(writers + rivals, pause, victim)
        faults = self.faults_after(writers, rivals)
        if ready > READY_SECONDS:
            faults.append("I12: ready after %.1f s" % ready)
        ops = [op for crew in writers + rivals for op in crew.ops]
        self.total += sum(op.outcome == "ok" for op in ops)
        self.ready_most = max(self.ready_most, ready)
        print("round %d, seed %d: %s killed after %.0f ms, ready in %.0f ms,"
              " %d acknowledged in all, %d violations"
              % (number, seed, victim, pause * 1000, ready * 1000,
                 self.total, len(faults)), flush=True)
        if self.options.history:
            history_write(self.options.history, {
                "round": number, "seed": seed, "victim": victim,
                "pause": pause, "faults": faults}, ops)
        if number % TRASH_EVERY == 0:
            self.server.command("trash", "empty", "crash")
        return faults

    def close(self, faults):
        if faults:
            print("".join(line + "\n" for line in
                          self.server.log().split("\n")[-40:]))
            self.server.kill()
        self.server.close()


def run(options):
    """A campaign: its exit status."""
    campaign = Campaign(options)
    faults = []
    for number in range(1, options.rounds + 1):
        faults = campaign.round(number)
        if faults:
            break
    print("%d acknowledged, %d by the command line, ready in at most %.0f ms"
          % (campaign.total, campaign.commands, campaign.ready_most * 1000))
    campaign.close(faults)
    status = finish(faults, options.control)
    return status or (1 if campaign.total < options.rounds else 0)


def main():
    options = arguments(__doc__, SHORT, FULL)
    if not options.control and run(options) != 0:
        return 1
    options.control, options.rounds, options.files = True, 2, 0
    return run(options)


if __name__ == "__main__":
    sys.exit(main())
