"""`--help` and `--version`, rendered from the declarations of the commands."""

from collections.abc import Iterable

from zaiond import __version__
from zaiond.ctl import output, words
from zaiond.ctl.commandline import COMMON, GROUPS, Command, Entry, Example, Line, commands
from zaiond.ctl.terminal import Page
from zaiond.text import Language, Text

_WIDTH = 30  # columns of the names, before what they mean


def run(line: Line) -> int:
    """Prints the version, or the help of the command that was named, or of all."""
    if line.flag("version"):
        output.answer(line, {"version": __version__}, lambda: [f"zaiond-ctl {__version__}"])
        return 0
    language = output.language(line)
    if line.command is not None:
        output.show(_of_command(line.command, language))
    else:
        groups = GROUPS if line.group is None else [line.group]
        output.show(_of_commands([one for group in groups for one in commands(group)], language))
    return 0


def _of_commands(chosen: list[Command], language: Language) -> Page:
    """One line for each command, the common options, an example of each."""
    page = Page(language)
    page.line(words.USAGE)
    page.gap()
    _entries(page, words.COMMANDS, chosen)
    _entries(page, words.OPTIONS, COMMON)
    _examples(page, [one.examples[0] for one in chosen])
    page.gap()
    page.line(words.MORE_HELP)
    return page


def _of_command(command: Command, language: Language) -> Page:
    page = Page(language)
    operands = "".join(f" {operand}" for operand in command.operands)
    page.line(words.usage_of(name=command.name, operands=operands))
    page.gap()
    for text in zip(command.ja.split("\n"), command.en.split("\n"), strict=True):
        page.line(Text(*text))
    page.gap()
    if command.options:
        _entries(page, words.OPTIONS, command.options)
    _entries(page, words.COMMON_OPTIONS, COMMON)
    _examples(page, command.examples)
    return page


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
