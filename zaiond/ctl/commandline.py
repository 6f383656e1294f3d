"""A command line declared once: parser, help, completion test and man page test follow from it.

A module of commands has `COMMANDS`, a tuple of Command, and `run(line) -> int`, which gets the
parsed Line and returns the exit status.
"""

import os

from zaiond.ctl.exit_status import Fault, words

TYPE_CHECKING = False  # typing is not imported on the path of emit
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import ModuleType

    from zaiond.text import Text

# Each by the module of zaiond.ctl that has its commands. In the order of the help.
GROUPS = {
    "test": "test", "emit": "emit", "run": "run", "status": "status", "queue": "queue",
    "history": "history", "spool": "queue", "problems": "problems", "jobs": "jobs",
    "silence": "silence", "route": "route", "check": "check", "config": "config",
    "setup": "setup", "reload": "check", "web": "web", "fleet": "fleet",
}  # fmt: skip


class Entry:
    """A line of the help: what is typed, as it is `declared`, and what that does."""

    __slots__ = ("declared", "en", "ja")

    def __init__(self, declared: str, ja: str, en: str) -> None:
        self.declared = declared
        self.ja = ja
        self.en = en


class Example(Entry):
    """A command line; "zaiond-ctl" before it goes without saying."""

    __slots__ = ()


class Option(Entry):
    """One option: "-s, --severity SEVERITY". `value` is the last word, "" where it is a flag."""

    __slots__ = ("name", "names", "value")

    def __init__(self, declared: str, ja: str, en: str) -> None:
        super().__init__(declared, ja, en)
        names, _, self.value = declared.replace(", ", ",").partition(" ")
        self.names = names.split(",")
        self.name = self.names[-1].lstrip("-")


class Command(Entry):
    """One command: "queue delete ID...". Words in capitals are operands, in brackets where they are
    optional. The first line says what it does; what more there is to say goes below."""

    __slots__ = ("examples", "name", "operands", "options")

    def __init__(self, declared: str, ja: str, en: str, *parts: Option | Example) -> None:
        super().__init__(declared, ja, en)
        self.name = " ".join(word for word in declared.split() if word.islower())
        self.operands = [word for word in declared.split() if not word.islower()]
        self.options = [part for part in parts if isinstance(part, Option)]
        self.examples = [part for part in parts if isinstance(part, Example)]


COMMON = (
    Option("--config FILE", "設定ファイル", "the configuration"),
    Option("--runtime-dir DIR", "ソケットのある場所", "where the sockets are"),
    Option("--state-dir DIR", "デーモンの状態の場所", "where the daemon's state is"),
    Option(
        "--spool-dir DIR",
        "デーモン停止中にイベントを置く場所",
        "where events are left while the daemon is down",
    ),
    Option(
        "--json", "結果を JSON 文書 1 個で標準出力に出す", "print the result as one JSON document"
    ),
    Option("--version", "バージョンを表示する", "print the version"),
    Option("-h, --help", "ヘルプを表示する", "print this help"),
)


class Line:
    """A parsed command line. `command` is None where none was named (help, version, or a fault)."""

    __slots__ = ("command", "group", "operands", "values")

    def __init__(self) -> None:
        self.group: str | None = None
        self.command: Command | None = None
        self.operands: list[str] = []
        self.values: dict[str, list[str]] = {}

    @property
    def name(self) -> str:
        """The command's name, as "queue list"; "" where none was named."""
        return self.command.name if self.command else ""

    def flag(self, name: str) -> bool:
        """Whether the option was given."""
        return name in self.values

    def text(self, name: str) -> str | None:
        """The option's value, the last one if it was repeated; None if it was not given."""
        given = self.values.get(name)
        return given[-1] if given else None

    def exact(self, *names: str) -> dict[str, str]:
        """The values of those options that were given, each as `exact`."""
        return {name: exact(self.values[name][-1]) for name in names if name in self.values}

    def texts(self, name: str) -> list[str]:
        """All values of an option that may be repeated."""
        return self.values.get(name, [])

    # Where things are: an option beats the environment, systemd's, and the default (interface 1).

    def config(self) -> str:
        """The main configuration file."""
        return self.text("config") or os.environ.get("ZAIOND_CONFIG") or "/etc/zaiond/zaiond.yaml"

    def state_dir(self) -> str:
        """The daemon's state: of interest here for the last good configuration."""
        return (
            self.text("state-dir")
            or os.environ.get("ZAIOND_STATE_DIR")
            or os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
            or "/var/lib/zaiond"
        )

    def spool_dir(self) -> str:
        """Where events are left while the daemon is down."""
        given = self.text("spool-dir") or os.environ.get("ZAIOND_SPOOL_DIR")
        return given or "/var/spool/zaiond"

    @staticmethod
    def credentials() -> str | None:
        """Where systemd put the daemon's credentials."""
        from zaiond.config.access import credentials

        return credentials()


def exact(word: str) -> str:
    """An argument as JSON can hold it: bytes that are no UTF-8 are visible in it, so that it means
    nothing that there is."""
    return word.encode(errors="surrogateescape").decode(errors="backslashreplace")


def commands(group: str) -> "list[Command]":
    """The commands of one group."""
    return [one for one in module(group).COMMANDS if one.name.split()[0] == group]


def module(group: str) -> "ModuleType":
    """The module of a command group, imported when it is wanted."""
    return __import__(f"zaiond.ctl.{GROUPS[group]}", fromlist=["run"])


def parse(argv: "Sequence[str]", line: Line) -> None:
    """Fills `line`, as far as it gets; raises Fault. Options may stand anywhere before `--`, and
    before a COMMAND."""
    rest = list(argv)
    given: list[str] = []  # what is no option, in order
    known = _by_name(COMMON)
    while rest:
        word = rest.pop(0)
        if word == "--":
            given += rest
            rest = []
        elif word == "-" or not word.startswith("-"):
            given.append(word)
            if line.command is None or len(given) == 1:
                _choose(given, line)
                known |= _by_name(line.command.options if line.command else ())
            if given and line.command and line.command.operands == ["COMMAND..."]:
                given += rest  # its options are its own
                rest = []
        else:
            while word:
                word = _take_option(word, rest, known, line)
    if not (line.flag("help") or line.flag("version")):
        _complete(given, line)


def _choose(given: list[str], line: Line) -> None:
    """Finds the command that the words so far name: of "problems" and "problems close" the longer
    one; what it takes is no longer among `given`."""
    if line.group is None:
        if given[0] not in GROUPS:
            raise _unknown_command(given[0], GROUPS)
        line.group = given[0]
    name = " ".join([line.name, *given] if line.command else given)
    names = {command.name: command for command in commands(line.group)}
    if name in names:
        line.command = names[name]
        given.clear()
    elif line.command is None and len(given) > 1:
        raise _unknown_command(name, names)


def _take_option(word: str, rest: list[str], known: dict[str, Option], line: Line) -> str:
    """Takes the option at the beginning of `word`, and its value; gives the short ones behind."""
    if word.startswith("--"):
        name, equals, behind = word.partition("=")
    else:
        name, equals, behind = word[:2], "", word[2:]
    option = known.get(name)
    if option is None:
        near = _near(name, known)
        if line.command is None:
            raise Fault(words.no_option_before(name=name, near=near))
        raise Fault(words.no_option(name=name, command=line.name, near=near))
    if option.value and not equals and not behind:
        if not rest:
            raise Fault(words.needs_value(name=name, value=option.value))
        behind = rest.pop(0)
    elif equals and not option.value:
        raise Fault(words.no_value(name=name))
    line.values.setdefault(option.name, []).append(behind if option.value else "")
    return f"-{behind}" if behind and not option.value else ""


def _complete(given: list[str], line: Line) -> None:
    command = line.command
    if command is not None:
        least = sum(not operand.startswith("[") for operand in command.operands)
        most = len(given) if "..." in "".join(command.operands) else len(command.operands)
        if len(given) < least:
            raise Fault(words.missing(operand=command.operands[len(given)]))
        if len(given) > most:
            raise Fault(words.one_too_many(word=given[most]))
        line.operands = given
    elif line.group is not None:
        names = ", ".join(command.name for command in commands(line.group))
        raise Fault(words.needs_another_word(group=line.group, names=names))
    else:
        raise _unknown_command(given[0], GROUPS) if given else Fault(words.NAME_A_COMMAND)


def _by_name(options: "Iterable[Option]") -> dict[str, Option]:
    return {name: option for option in options for name in option.names}


def _unknown_command(name: str, names: "Iterable[str]") -> Fault:
    return Fault(words.no_command(name=name, near=_near(name, names)))


def _near(name: str, names: "Iterable[str]") -> "Text | str":
    from difflib import get_close_matches

    near = get_close_matches(name, list(names), 1)
    return words.did_you_mean(name=near[0]) if near else ""
