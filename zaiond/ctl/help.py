"""`--help` and `--version`, rendered from the declarations of the commands."""

from zaiond.ctl import output
from zaiond.ctl.commandline import COMMON, GROUPS, Command, Line, Option, commands
from zaiond.text import Language, Text

_WIDTH = 30  # columns of the names, before what they mean


def run(line: Line) -> int:
    """Prints the version, or the help of the command that was named, or of all."""
    if line.flag("version"):
        from zaiond import __version__

        if line.flag("json"):
            output.document({"version": __version__})
        else:
            output.say(f"zaiond-ctl {__version__}")
        return 0
    language = output.language(line)
    if line.command is not None:
        lines = of_command(line.command, language)
    elif line.group is not None:
        lines = of_commands(commands(line.group), language)
    else:
        lines = of_commands([one for group in GROUPS for one in commands(group)], language)
    output.show(lines)
    return 0


def of_commands(chosen: "list[Command] | tuple[Command, ...]", language: Language) -> list[str]:
    """The help over several commands: one line for each, the common options, examples."""
    return [
        *_line(
            Text(
                "使い方: zaiond-ctl [オプション] コマンド [引数]",
                "Usage: zaiond-ctl [OPTION]... COMMAND [ARGUMENT]...",
            ).in_language(language)
        ),
        "",
        *_line(Text("コマンド:", "Commands:").in_language(language)),
        *_entries(
            [(" ".join((one.name, *one.operands)), Text(one.ja, one.en)) for one in chosen],
            language,
        ),
        "",
        *_options(COMMON, Text("オプション:", "Options:"), language),
        "",
        *_line(Text("例:", "Examples:").in_language(language)),
        *(line for one in chosen for line in _example(one.examples[0], language)),
        "",
        *_line(
            Text(
                "コマンドごとの説明: zaiond-ctl コマンド --help、または man zaiond-ctl",
                "More on one command: zaiond-ctl COMMAND --help, or man zaiond-ctl",
            ).in_language(language)
        ),
    ]


def of_command(command: Command, language: Language) -> list[str]:
    """The help on one command."""
    about = Text(command.ja, command.en).in_language(language)
    more = Text(command.more_ja, command.more_en).in_language(language)
    usage = Text("使い方: ", "Usage: ").in_language(language)
    options = Text("[オプション]", "[OPTION]...").in_language(language)
    lines = [
        *_line(usage + " ".join(("zaiond-ctl", command.name, options, *command.operands))),
        "",
        *_line(about),
        *(_line(more) if more else []),
        "",
    ]
    if command.options:
        lines += [*_options(command.options, Text("オプション:", "Options:"), language), ""]
    lines += [*_options(COMMON, Text("共通のオプション:", "Common options:"), language), ""]
    lines += _line(Text("例:", "Examples:").in_language(language))
    for example in command.examples:
        lines += _example(example, language)
    return lines


def _line(text: str) -> list[str]:
    return output.wrapped(text)


def _options(options: tuple[Option, ...], title: Text, language: Language) -> list[str]:
    entries = [
        (
            ", ".join(option.names) + (f" {option.value}" if option.value else ""),
            Text(option.ja, option.en),
        )
        for option in options
    ]
    return [*_line(title.in_language(language)), *_entries(entries, language)]


def _entries(entries: list[tuple[str, Text]], language: Language) -> list[str]:
    lines: list[str] = []
    for name, text in entries:
        start = f"  {name:{_WIDTH}}  "
        if len(name) > _WIDTH:
            lines.append(f"  {name}")
            start = " " * len(start)
        lines += output.wrapped(text.in_language(language), start, " " * (_WIDTH + 4))
    return lines


def _example(example: tuple[str, str, str], language: Language) -> list[str]:
    line, ja, en = example
    if "zaiond-ctl" not in line:
        line = f"zaiond-ctl {line}"
    # The command as it is: it may be copied.
    return [f"  {line}", *output.wrapped(Text(ja, en).in_language(language), "      ")]
