#!/usr/bin/python3
"""Manual and completions of the command line are those of its rows.

They are made from server/commands/*.c.  After a change of a row:
tests/lint/commands.py --write
"""

import re
import sys

from lib.common import read, report
from lib.rows import TABLE, commands

MANUAL = "server/celldav.8"
BEGIN, END = '.\\" BEGIN commands\n', '.\\" END commands\n'
GLOBAL = (("config", "FILE", "the configuration to use"),
          ("json", None, "print for machines"),
          ("quiet", None, "print no progress"),
          ("help", None, "print help"),
          ("version", None, "print the version"))
FILES = {"FILE", "DIR"}


def names(rows):
    return list(dict.fromkeys(row.name for row in rows))


def verbs(rows, name):
    return [row.verb for row in rows if row.name == name and row.verb]


def sentence(text):
    return text[0].upper() + text[1:] + "."


# -- The manual ----------------------------------------------------------

def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text[:1] in ".'" else text


def manual_arguments(arguments):
    lines = []
    for word in arguments.split():
        if word.startswith("[") and word.endswith("]"):
            lines.append("Op Ar " + roff(word[1:-1]))
        else:
            lines.append("Ar " + roff(word))
    return " ".join(lines)


def manual_command(row):
    lines = [".It Ic %s %s" % (row.words, manual_arguments(row.arguments))]
    lines = [lines[0].rstrip(), roff(sentence(row.summary))]
    if row.options:
        lines.append(".Bl -tag -width Ds -compact")
        for option in row.options:
            value = " Ar " + roff(option.value) if option.value else ""
            lines.append(".It Fl Fl %s%s" % (roff(option.name), value))
            needed = " Needed." if option.required else ""
            lines.append(roff(sentence(option.help)) + needed)
        lines.append(".El")
    return "\n".join(lines) + "\n"


def manual(rows):
    text = read(MANUAL)
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    body = ".Bl -tag -width Ds\n"
    body += "".join(manual_command(row) for row in rows) + ".El\n"
    return head + BEGIN + body + END + tail


# -- bash ----------------------------------------------------------------

def bash(rows):
    out = ["# bash completion of celldav; made by tests/lint/commands.py",
           "_celldav()", "{",
           "\tlocal word=${COMP_WORDS[COMP_CWORD]} name= verb= i options",
           "\tlocal before=${COMP_WORDS[COMP_CWORD - 1]}", "",
           "\tcase $before in",
           "\t-c | " + " | ".join(file_options(rows)) + ")",
           '\t\tmapfile -t COMPREPLY < <(compgen -f -- "$word")',
           "\t\treturn ;;", "\tesac",
           "\tfor ((i = 1; i < COMP_CWORD; i++)); do",
           "\t\tcase ${COMP_WORDS[i]} in",
           "\t\t-c | --config) i=$((i + 1)) ;;", "\t\t-*) ;;",
           '\t\t*)\tif [ -z "$name" ]; then',
           "\t\t\t\tname=${COMP_WORDS[i]}",
           '\t\t\telif [ -z "$verb" ]; then',
           "\t\t\t\tverb=${COMP_WORDS[i]}", "\t\t\tfi ;;",
           "\t\tesac", "\tdone", '\tcase "$name $verb" in',
           '\t" ") options="%s" ;;' % " ".join(names(rows))]
    for name in names(rows):
        if verbs(rows, name):
            out.append('\t"%s ") options="%s" ;;'
                       % (name, " ".join(verbs(rows, name))))
    for row in rows:
        if row.options:
            out.append('\t"%s"*) options="%s" ;;' % (
                row.words + ("" if row.verb else " "),
                " ".join("--" + one.name for one in row.options)))
    out += ["\tesac",
            '\t[[ $word == -* ]] && options+=" %s"'
            % " ".join("--" + one[0] for one in GLOBAL),
            '\tmapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")',
            '\t[ -n "$name" ] && [ ${#COMPREPLY[@]} -eq 0 ] &&',
            '\t\tmapfile -t COMPREPLY < <(compgen -f -- "$word")',
            "}", "complete -o filenames -F _celldav celldav", ""]
    return "\n".join(out)


def file_options(rows):
    found = {"--config"}
    for row in rows:
        found |= {"--" + one.name for one in row.options
                  if one.value in FILES}
    return sorted(found)


# -- zsh -----------------------------------------------------------------

def zsh_text(text):
    return re.sub(r"([\[\]:\\])", r"\\\1", text).replace("'", "'\\''")


def zsh_option(name, value, text):
    action = ""
    if value:
        action = ":%s:%s" % (zsh_text(value),
                             "_files" if value in FILES else " ")
    return "'--%s[%s]%s'" % (name, zsh_text(text), action)


def zsh(rows):
    out = ["#compdef celldav",
           "# zsh completion of celldav; made by tests/lint/commands.py",
           "local -a words_of_celldav globals", "globals=("]
    out += ["\t" + zsh_option(*one) for one in GLOBAL] + [")"]
    out += ["local -a plain", "local word after_config=",
            "for word in ${words[2,CURRENT-1]}; do",
            "\tif [[ -n $after_config ]]; then", "\t\tafter_config=",
            "\telif [[ $word == (-c|--config) ]]; then",
            "\t\tafter_config=yes",
            "\telif [[ $word != -* ]]; then", "\t\tplain+=($word)",
            "\tfi", "done",
            'case "${plain[1]} ${plain[2]}" in', '" ")',
            "\twords_of_celldav=("]
    for name in names(rows):
        text = next((row.summary for row in rows
                     if row.name == name and not row.verb), "commands")
        out.append("\t\t'%s:%s'" % (name, zsh_text(text)))
    out += ["\t)", "\t_describe command words_of_celldav", "\t;;"]
    for name in names(rows):
        if not verbs(rows, name):
            continue
        out += ['"%s ")' % name, "\twords_of_celldav=("]
        out += ["\t\t'%s:%s'" % (row.verb, zsh_text(row.summary))
                for row in rows if row.name == name]
        out += ["\t)", "\t_describe verb words_of_celldav", "\t;;"]
    for row in rows:
        out += ['"%s"*)' % (row.words + ("" if row.verb else " ")),
                "\t_arguments $globals \\"]
        out += ["\t\t%s \\" % zsh_option(one.name, one.value, one.help)
                for one in row.options]
        out += ["\t\t'*:argument:_files'", "\t;;"]
    return "\n".join(out + ["esac", ""])


# -- fish ----------------------------------------------------------------

def fish_text(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def fish_option(condition, name, value, text):
    words = ["complete -c celldav"]
    if condition:
        words.append("-n " + fish_text(condition))
    words.append("-l " + name)
    if value:
        words.append("-r" if value in FILES else "-x")
    return " ".join(words + ["-d " + fish_text(text)])


def fish(rows):
    out = ["# fish completion of celldav; made by tests/lint/commands.py"]
    out += [fish_option(None, *one) for one in GLOBAL]
    for name in names(rows):
        text = next((row.summary for row in rows
                     if row.name == name and not row.verb), "commands")
        out.append("complete -c celldav -f -n __fish_use_subcommand -a %s "
                   "-d %s" % (name, fish_text(text)))
    for row in rows:
        seen = "__fish_seen_subcommand_from %s" % row.name
        if row.verb:
            others = " ".join(verbs(rows, row.name))
            out.append("complete -c celldav -f -n %s -a %s -d %s" % (
                fish_text("%s; and not __fish_seen_subcommand_from %s"
                          % (seen, others)), row.verb,
                fish_text(row.summary)))
            seen += "; and __fish_seen_subcommand_from %s" % row.verb
        out += [fish_option(seen, one.name, one.value, one.help)
                for one in row.options]
    return "\n".join(out + [""])


MADE = {MANUAL: manual,
        "contrib/completions/celldav.bash": bash,
        "contrib/completions/_celldav": zsh,
        "contrib/completions/celldav.fish": fish}


def main():
    rows, strays = commands()
    for name in strays:
        report(TABLE, 1, "%s is not both a row and in the table" % name)
    if not rows:
        report(TABLE, 1, "no row was found")
    for row in rows:
        if not row.summary:
            report(row.path, row.line, "%s has no summary" % row.words)
        for one in row.options:
            if not one.help:
                report(row.path, row.line, "--%s has no help" % one.name)
    for path, make in MADE.items():
        wanted = make(rows)
        if sys.argv[1:] == ["--write"]:
            with open(path, "w", encoding="utf-8") as file:
                file.write(wanted)
        elif read(path) != wanted:
            report(path, 1, "is not what the rows of the command line make; "
                            "run tests/lint/commands.py --write")
    return report.status()


if __name__ == "__main__":
    sys.exit(main())
