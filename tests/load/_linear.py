"""Is a history of operations on a tree linearizable?

An operation is a row with begin and end (seconds), what was asked and what was
answered. `order(state, history, final)` looks for an order in which the model
answers each operation as the server did, in which no operation comes before
one that had ended when it began, and which ends in the state that was found
afterwards. It tries the order of the ends first, which is nearly always one,
remembers dead ends, and goes through all orders before it says that there is
none: what it refuses is no history of a linearizable tree.

State: path -> body of a file, None for a collection. Paths are "d" or "d/f".
"""

from collections import namedtuple

Op = namedtuple("Op", "begin end kind path target body status")


def parent(path):
    return path.rpartition("/")[0]


def below(path, name):
    return name == path or name.startswith(path + "/")


def has_parent(state, path):
    return not parent(path) or state.get(parent(path), "") is None \
        and parent(path) in state


def put(state, op):
    if not has_parent(state, op.path):
        return 409, state
    return (204 if op.path in state else 201), {**state, op.path: op.body}


def mkcol(state, op):
    if op.path in state:
        return 405, state
    return 201, {**state, op.path: None}


def delete(state, op):
    if op.path not in state:
        return 404, state
    return 204, {p: b for p, b in state.items() if not below(op.path, p)}


def get(state, op):
    """The body that was read stands where a PUT has the one it wrote."""
    if op.path not in state:
        return 404, state
    return (200 if state[op.path] == op.body else -1), state


def copy(state, op):
    if op.path not in state:
        return 404, state
    if not has_parent(state, op.target):
        return 409, state
    after = {p: b for p, b in state.items() if not below(op.target, p)}
    for path, body in state.items():
        if below(op.path, path):
            after[op.target + path[len(op.path):]] = body
    return (204 if op.target in state else 201), after


def move(state, op):
    status, after = copy(state, op)
    if status < 300:
        after = {p: b for p, b in after.items() if not below(op.path, p)}
    return status, after


MODEL = {"PUT": put, "MKCOL": mkcol, "DELETE": delete, "GET": get,
         "COPY": copy, "MOVE": move}


def candidates(history, done):
    """Those that may be next: nothing else that is left ended before they
    began. By their ends."""
    left = [n for n in range(len(history)) if not done >> n & 1]
    limit = min(history[n].end for n in left)
    return [n for n in left if history[n].begin <= limit]


def step(state, op):
    """The state after it; None when the model would answer otherwise."""
    status, after = MODEL[op.kind](state, op)
    return after if status == op.status else None


def order(state, history, final):
    """The numbers of the operations in such an order; None: there is none."""
    history = sorted(history, key=lambda op: op.end)
    whole = (1 << len(history)) - 1
    dead, path = set(), []
    stack = [(0, state, iter(candidates(history, 0) if history else ()))]
    while stack:
        done, now, ways = stack[-1]
        if done == whole and now == final:
            return path
        for number in ways:
            after = step(now, history[number])
            if after is None:
                continue
            key = (done | 1 << number, frozenset(after.items()))
            if key in dead:
                continue
            dead.add(key)
            path.append(number)
            ways_on = candidates(history, key[0]) if key[0] != whole else ()
            stack.append((key[0], after, iter(ways_on)))
            break
        else:
            stack.pop()
            if path:
                path.pop()
    return None
