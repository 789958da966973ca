"""The classes of reliability.md 3.1 to 3.5, and the table at the end."""

CLASSES = ["V%02d" % number for number in range(1, 39)]


def _rows(chosen):
    """(class, mutant, its suites) in the order of the classes."""
    rows = []
    for mutant in chosen:
        for name in dict.fromkeys(c for c, _, _ in mutant["cases"]):
            suites = sorted({suite.split("/")[-1] for c, suite, _
                             in mutant["cases"] if c == name})
            rows.append((name, mutant["name"], ", ".join(suites)))
    return sorted(rows, key=lambda row: (not row[0].startswith("V"), row[0]))


def table(chosen, faults, whole):
    """Prints it; 1 when a mutant survived or a class has none."""
    print("\n%-7s %-36s %s" % ("class", "mutant", "result"))
    for name, mutant, suites in _rows(chosen):
        fault = faults[mutant]
        print("%-7s %-36s %s" % (name, mutant, "red: " + suites
                                 if fault is None else "GREEN: " + fault))
    held = {c for m in chosen for c, _, _ in m["cases"]}
    without = [c for c in CLASSES if c not in held] if whole else []
    if without:
        print("without a mutant: " + ", ".join(without))
    survivors = sum(fault is not None for fault in faults.values())
    print("%d mutants, %d survived" % (len(chosen), survivors))
    return 1 if survivors or without else 0
