"""What goes to standard output and standard error, safe for the terminal it is read on.

Text of events and replies of servers may hold anything: everything here goes through
`terminal.printable`. It is imported when it is needed, as emit prints plain ids.
"""

import json
import sys

from zaiond.ctl.exit_status import Unwritable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TextIO

    from zaiond.ctl.commandline import Line
    from zaiond.ctl.control import Reply
    from zaiond.text import Language, Text


def language(line: "Line", config: str | None = None) -> "Language":
    """The language to speak: the configuration's if it can be read, else the environment's;
    Japanese is the default of both."""
    from zaiond.client import origin
    from zaiond.config.language import wanted_language

    try:
        return wanted_language(config or line.text("file") or line.config())
    except OSError:
        return origin.language()


def say(text: str) -> None:
    """One or more lines to standard output. Raises Unwritable, BrokenPipeError."""
    if not (text.isascii() and text.replace("\n", "").isprintable()):
        from zaiond.ctl.terminal import printable

        text = printable(text)
    _write(sys.stdout, f"{text}\n")


def show(lines: "Iterable[str]") -> None:
    """Lines of `terminal` to standard output. Raises Unwritable, BrokenPipeError."""
    _write(sys.stdout, "".join(f"{line}\n" for line in lines))


def answer(line: "Line", result: "Any", lines: "Callable[[], Iterable[str]]") -> None:
    """A command's result: with --json as a document, else as lines for a person."""
    if line.flag("json"):
        document(result)
    else:
        show(lines())


def say_who_knows(reply: "Reply") -> None:
    """That another machine of the fleet knows of the rest, where the reply says so."""
    if reply.result.get("remark"):
        remark(f"zaiond-ctl: {reply.result['remark']}")


def document(value: "Any") -> None:
    """One JSON document to standard output: in UTF-8 (RFC 8259 8.1), or in ASCII."""
    from zaiond.ctl.terminal import escaped

    encoding = sys.stdout.encoding if sys.stdout is not None else "utf-8"
    _write(sys.stdout, escaped(json.dumps(value, ensure_ascii=encoding.lower() != "utf-8")) + "\n")


def complain(text: "Text", language: "Language") -> None:
    """An error or a remark, to standard error, behind the name of the program."""
    remark(f"zaiond-ctl: {text.in_language(language)}")


def remark(text: str) -> None:
    """One or more lines to standard error. Where that can't be written, there is none to tell."""
    from zaiond.ctl.terminal import printable

    try:
        flush()
        _write(sys.stderr, printable(text) + "\n", flush=True)
    except (OSError, Unwritable):
        pass


def flush() -> None:
    """Everything said so far is out. Raises Unwritable, BrokenPipeError."""
    _write(sys.stdout, "", flush=True)


def _write(stream: "TextIO | None", text: str, flush: bool = False) -> None:
    if stream is None:  # closed before we started: `>&-`
        return
    try:
        try:
            stream.write(text)
        except UnicodeEncodeError:
            stream.write(with_signs_of(stream, text))
        if flush:
            stream.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Unwritable(error) from None


def with_signs_of(stream: "TextIO", text: str) -> str:
    """The text as a terminal can show it that has not all signs."""
    return text.encode(stream.encoding, "backslashreplace").decode(stream.encoding)
