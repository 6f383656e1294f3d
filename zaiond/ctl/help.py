"""`--help` and `--version`, rendered from the declarations of the commands."""

from collections.abc import Iterable

from zaiond import __version__
from zaiond.ctl import output, words
from zaiond.ctl.commandline import COMMON, GROUPS, Command, Entry, Example, Line, commands
from zaiond.ctl.terminal import Page
from zaiond.text import Text

_WIDTH = 30  # columns of the names, before what they mean


def run(line: Line) -> int:
    """Prints the version, or the help of the command that was named, or of all."""
    if line.flag("version"):
        output.answer(line, {"version": __version__}, lambda: [f"zaiond-ctl {__version__}"])
        return 0
    page = Page(output.language(line))
    if line.command is not None:
        _of_command(page, line.command)
    else:
        groups = GROUPS if line.group is None else [line.group]
        _of_commands(page, [command for group in groups for command in commands(group)])
    output.show(page)
    return 0


def _of_commands(page: Page, chosen: list[Command]) -> None:
    """One line for each command, the common options, an example of each."""
    page.line(words.USAGE)
    page.gap()
    _entries(page, words.COMMANDS, chosen)
    _entries(page, words.OPTIONS, COMMON)
    _examples(page, [command.examples[0] for command in chosen])
    page.gap()
    page.line(words.MORE_HELP)


def _of_command(page: Page, command: Command) -> None:
    operands = "".join(f" {operand}" for operand in command.operands)
    page.line(words.usage_of(name=command.name, operands=operands))
    page.gap()
    for text in zip(command.ja.split("\n"), command.en.split("\n"), strict=True):
        page.line(Text(*text))
    page.gap()
    # Of `web` those that begin with its word: `web password`, `web list`.
    below = [one for one in commands(command.name.split()[0]) if one is not command]
    if below and " " not in command.name:
        _entries(page, words.COMMANDS, below)
    if command.options:
        _entries(page, words.OPTIONS, command.options)
    _entries(page, words.COMMON_OPTIONS, COMMON)
    _examples(page, command.examples)


def _entries(page: Page, title: Text, entries: Iterable[Entry]) -> None:
    page.line(title)
    for one in entries:
        start, hang = f"  {one.declared:{_WIDTH}}  ", " " * (_WIDTH + 4)
        if len(one.declared) > _WIDTH:
            page.append(f"  {one.declared}")
            start = hang
        page.line(Text(one.ja.partition("\n")[0], one.en.partition("\n")[0]), start, hang)
    page.gap()


def _examples(page: Page, examples: Iterable[Example]) -> None:
    page.line(words.EXAMPLES)
    for one in examples:
        # The command as it is: it may be copied.
        page.append(f"  {'' if 'zaiond-ctl' in one.declared else 'zaiond-ctl '}{one.declared}")
        page.line(Text(one.ja, one.en), "      ")
