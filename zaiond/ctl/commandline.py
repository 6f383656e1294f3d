"""A command line declared once: parser, help, completion test and man page test follow from it.

A command group's module has `COMMANDS`, a tuple of Command, and `run(line) -> int`, which gets the
parsed Line and returns the exit status.
"""

TYPE_CHECKING = False  # typing is not imported on the path of emit
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import ModuleType

# A command's name to its module in zaiond.ctl, in the order of the help.
GROUPS = {
    "test": "test",
    "emit": "emit",
    "status": "status",
    "queue": "queue",
    "history": "history",
    "spool": "spool",
    "check": "check",
    "config": "config",
    "setup": "setup",
    "reload": "reload",
}
# In the contract, not in this version.
LATER = ("run", "route", "silence", "problems", "jobs")


class Option:
    """One option: `names` as ("-s", "--severity"); without `value` (its word in the help) a flag.

    `many`: may be given several times. `choices` are for completion and man page, not checked.
    """

    __slots__ = ("choices", "en", "ja", "many", "name", "names", "value")

    def __init__(
        self,
        *names: str,
        ja: str,
        en: str,
        value: str | None = None,
        many: bool = False,
        choices: tuple[str, ...] = (),
    ) -> None:
        self.names = names
        self.name = names[-1].lstrip("-")
        self.ja = ja
        self.en = en
        self.value = value
        self.many = many
        self.choices = choices


class Command:
    """One command: `name` as "queue list"; `operands` as ("ID...",), in brackets if optional.

    `examples` are command lines without "zaiond-ctl", each with what it does: (line, ja, en).
    """

    __slots__ = ("en", "examples", "ja", "more_en", "more_ja", "name", "operands", "options")

    def __init__(
        self,
        name: str,
        *,
        ja: str,
        en: str,
        operands: tuple[str, ...] = (),
        options: tuple[Option, ...] = (),
        examples: tuple[tuple[str, str, str], ...] = (),
        more_ja: str = "",
        more_en: str = "",
    ) -> None:
        self.name = name
        self.ja = ja
        self.en = en
        self.operands = operands
        self.options = options
        self.examples = examples
        self.more_ja = more_ja
        self.more_en = more_en


COMMON = (
    Option("--config", value="FILE", ja="設定ファイル", en="the configuration"),
    Option("--runtime-dir", value="DIR", ja="ソケットのある場所", en="where the sockets are"),
    Option("--state-dir", value="DIR", ja="デーモンの状態の場所", en="where the daemon's state is"),
    Option(
        "--spool-dir",
        value="DIR",
        ja="デーモン停止中にイベントを置く場所",
        en="where events are left while the daemon is down",
    ),
    Option(
        "--json",
        ja="結果を JSON 文書 1 個で標準出力に出す",
        en="print the result as one JSON document",
    ),
    Option("--version", ja="バージョンを表示する", en="print the version"),
    Option("-h", "--help", ja="ヘルプを表示する", en="print this help"),
)


class Line:
    """A parsed command line. `command` is None where none was named (help, version, or a fault)."""

    __slots__ = ("command", "group", "operands", "values")

    def __init__(self) -> None:
        self.group: str | None = None
        self.command: Command | None = None
        self.operands: list[str] = []
        self.values: dict[str, list[str]] = {}

    def flag(self, name: str) -> bool:
        """Whether the option was given."""
        return name in self.values

    def text(self, name: str) -> str | None:
        """The option's value, the last one if it was repeated; None if it was not given."""
        given = self.values.get(name)
        return given[-1] if given else None

    def texts(self, name: str) -> list[str]:
        """All values of an option that may be repeated."""
        return self.values.get(name, [])


class Fault(Exception):  # noqa: N818 - becomes errors.UsageError where the language is known
    """The command line is wrong; `ja` and `en` say what."""

    def __init__(self, ja: str, en: str) -> None:
        super().__init__(en)
        self.ja = ja
        self.en = en


def commands(group: str) -> tuple[Command, ...]:
    """The commands of one group's module."""
    declared: tuple[Command, ...] = module(group).COMMANDS
    return declared


def module(group: str) -> "ModuleType":
    """The module of a command group, imported when it is wanted."""
    return __import__(f"zaiond.ctl.{GROUPS[group]}", fromlist=["run"])


def parse(argv: "Sequence[str]", line: Line) -> None:
    """Fills `line`, as far as it gets. Options may stand anywhere before `--`; GNU style.

    Raises Fault.
    """
    rest = list(argv)
    words: list[str] = []  # what is no option, in order
    known = _by_name(COMMON)
    while rest:
        word = rest.pop(0)
        if word == "--":
            words += rest
            rest = []
        elif word == "-" or not word.startswith("-"):
            words.append(word)
            if line.command is None:
                known = _choose(words, line, known)
        elif word.startswith("--"):
            name, equals, value = word.partition("=")
            option = _known(known, name, line)
            if option.value is None:
                if equals:
                    raise Fault(f"{name} に値は付けられません", f"{name} takes no value")
                _take(line, option, "")
            else:
                _take(line, option, value if equals else _next(rest, option, name))
        else:
            _short(word, rest, known, line)
    if line.flag("help") or line.flag("version"):
        return
    _complete(words, line)


def _choose(words: list[str], line: Line, known: dict[str, Option]) -> dict[str, Option]:
    """Finds the command that the words so far name; with it its options become known."""
    if line.group is None:
        name = words[0]
        if name not in GROUPS:
            raise _unknown_command(name)
        line.group = name
    name = " ".join(words)
    found = [command for command in commands(line.group) if command.name == name]
    if not found:
        if len(words) > 1:
            raise _unknown_command(name, [command.name for command in commands(line.group)])
        return known
    line.command = found[0]
    words.clear()
    return {**known, **_by_name(line.command.options)}


def _complete(words: list[str], line: Line) -> None:
    if line.command is None:
        if line.group is None and not words:
            raise Fault(
                "コマンドを指定してください（一覧: zaiond-ctl --help）",
                "name a command (the list: zaiond-ctl --help)",
            )
        if line.group is None:
            raise _unknown_command(words[0])
        names = ", ".join(command.name for command in commands(line.group))
        raise Fault(
            f"{line.group} の後にサブコマンドを指定してください: {names}",
            f"{line.group} needs another word: {names}",
        )
    least = sum(not operand.startswith("[") for operand in line.command.operands)
    unlimited = any("..." in operand for operand in line.command.operands)
    if len(words) < least:
        missing = line.command.operands[len(words)]
        raise Fault(f"{missing} を指定してください", f"{missing} is missing")
    if not unlimited and len(words) > len(line.command.operands):
        extra = words[len(line.command.operands)]
        raise Fault(f"余分な引数です: {extra}", f"one argument too many: {extra}")
    line.operands = words


def _short(word: str, rest: list[str], known: dict[str, Option], line: Line) -> None:
    letters = word[1:]
    while letters:
        name, letters = f"-{letters[0]}", letters[1:]
        option = _known(known, name, line)
        if option.value is None:
            _take(line, option, "")
        else:
            _take(line, option, letters or _next(rest, option, name))
            letters = ""


def _take(line: Line, option: Option, value: str) -> None:
    line.values.setdefault(option.name, []).append(value)


def _next(rest: list[str], option: Option, name: str) -> str:
    if not rest:
        raise Fault(
            f"{name} には {option.value} が必要です", f"{name} needs a value: {option.value}"
        )
    return rest.pop(0)


def _by_name(options: "Iterable[Option]") -> dict[str, Option]:
    return {name: option for option in options for name in option.names}


def _known(known: dict[str, Option], name: str, line: Line) -> Option:
    option = known.get(name)
    if option is None:
        near_ja, near_en = _near(name, known)
        ja, en = (
            (f"{line.command.name} に ", f"for {line.command.name}")
            if line.command
            else ("コマンドの前に使える ", "before the command")
        )
        raise Fault(
            f"{ja}{name} というオプションはありません{near_ja}", f"no option {name} {en}{near_en}"
        )
    return option


def _unknown_command(name: str, names: "Iterable[str]" = GROUPS) -> Fault:
    if name in LATER:
        return Fault(
            f"{name} はこのバージョンではまだ使えません", f"{name} is not in this version yet"
        )
    near_ja, near_en = _near(name, names)
    return Fault(f"{name} というコマンドはありません{near_ja}", f"no command {name}{near_en}")


def _near(name: str, names: "Iterable[str]") -> tuple[str, str]:
    from difflib import get_close_matches

    near = get_close_matches(name, list(names), 1)
    return (f"（{near[0]} ではありませんか）", f" (did you mean {near[0]}?)") if near else ("", "")
