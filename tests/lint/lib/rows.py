"""The rows of the command line, read from server/commands/*.c."""

import re

from lib.common import read, sources

LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
OPTIONS = re.compile(
    r"static const struct option_row (\w+)\[\] = \{(.*?)\n\};", re.S)
OPTION = re.compile(r'\{ \.name = "([^"]+)"(.*?)\},\n', re.S)
COMMAND = re.compile(
    r"^const struct command (\w+) = \{(.*?)\n\};", re.S | re.M)
TABLE = "server/commands/commands.c"


class Option:
    def __init__(self, name, body):
        self.name = name
        self.value = text_of(body, "value")
        self.help = text_of(body, "help")
        self.required = ".required = true" in body


class Command:
    def __init__(self, path, line, body, options):
        self.path, self.line = path, line
        self.name = text_of(body, "name")
        self.verb = text_of(body, "verb")
        self.arguments = text_of(body, "arguments") or ""
        self.summary = text_of(body, "summary")
        self.options = options

    @property
    def words(self):
        return self.name + (" " + self.verb if self.verb else "")


def text_of(body, field):
    """The string of a field, its adjacent literals joined; None: absent."""
    match = re.search(r'\.%s =\s+((?:"(?:[^"\\]|\\.)*"\s*)+)' % field, body)
    if match is None:
        return None
    return "".join(LITERAL.findall(match.group(1))).replace('\\"', '"')


def options_of(text):
    found = {}
    for name, body in OPTIONS.findall(text):
        found[name] = [Option(*row) for row in OPTION.findall(body)]
    return found


def command_options(body, options):
    match = re.search(r"\.options = (\w+)(?: \+ (\d+))?", body)
    if match is None:
        return []
    return options[match.group(1)][int(match.group(2) or 0):]


def commands():
    """All of them, in the order of the table; and names that lack a row."""
    rows = {}
    for path in sources(".c"):
        if not path.startswith("server/commands/"):
            continue
        text = read(path)
        options = options_of(text)
        for match in COMMAND.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            rows[match.group(1)] = Command(
                path, line, match.group(2),
                command_options(match.group(2), options))
    listed = re.findall(r"&(\w+),", read(TABLE))
    return ([rows[name] for name in listed if name in rows],
            sorted(set(rows) ^ set(listed)))
