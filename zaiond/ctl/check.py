"""`zaiond-ctl check`: every error of the configuration, with its place."""

import sys
from collections.abc import Iterable
from typing import Any

from zaiond.ctl import documents, output, paths, words
from zaiond.ctl.commandline import Command, Example, Line
from zaiond.ctl.exit_status import BAD_CONFIG, NOT_PERMITTED, Failure
from zaiond.ctl.terminal import printable
from zaiond.errors import Diagnostic
from zaiond.text import Language, Text

COMMANDS = (
    Command(
        "check [FILE]",
        "設定の誤りをすべて、行と桁を付けて表示する\n"
        "形式は「ファイル:行:桁: 項目: 誤りの内容」です。誤りがあれば終了ステータスは 78、"
        "警告だけなら 0 です。root で実行すると、デーモン（ユーザー zaiond）がファイルを"
        "読めるかどうかも、所有者と権限から調べます。",
        "print every error of the configuration, with line and column\n"
        "The form is FILE:LINE:COLUMN: key: what is wrong. The exit status is 78 if there are"
        " errors, 0 if there are only warnings. Run by root, it also finds what the daemon (user"
        " zaiond) could not read, by owners and modes.",
        Example("check", "ディスク上の設定ファイルを調べる", "check the files on disk"),
        Example(
            "check ./zaiond.yaml",
            "反映する前の設定ファイルを調べる",
            "check a file before it goes live",
        ),
    ),
)


def run(line: Line) -> int:
    """Prints errors, then warnings; needs no daemon."""
    from zaiond.config.access import daemon_identity
    from zaiond.config.load import load

    path = line.operands[0] if line.operands else paths.config(line)
    demand_readable(path)
    language = output.language(line, path)
    loaded = load(path, paths.credentials(), credentials_optional=True, reader=daemon_identity())
    errors = [_described(one, language) for one in loaded.errors]
    warnings = [_described(one, language) for one in loaded.warnings]
    warning = f"{words.WARNING.in_language(language)}: "
    lines = [documents.diagnostic(one) for one in errors]
    lines += [documents.diagnostic(one, warning) for one in warnings]
    document = {"ok": not errors, "errors": errors, "warnings": warnings}
    output.answer(line, document, lambda: map(printable, lines))
    if errors:
        return BAD_CONFIG
    if sys.stderr is not None and sys.stderr.isatty():  # scripts have the exit status
        output.complain(words.no_errors(path=path), language)
    return 0


def _described(error: Diagnostic, language: Language) -> dict[str, Any]:
    """A diagnostic as in `check --json` and `status --json`."""
    return {
        "file": error.file,
        "line": error.line,
        "column": error.column,
        "key": error.key,
        "message": error.text.in_language(language),
    }


def demand_readable(path: str) -> None:
    """Raises Failure where the file is there and this user may not read it."""
    try:
        with open(path, "rb"):
            pass
    except PermissionError:
        raise Failure(NOT_PERMITTED, words.not_permitted(path=path)) from None
    except OSError:
        pass  # the loader says what is wrong with it


def broken(errors: Iterable[Diagnostic], language: Language, text: Text) -> Failure:
    """What to raise where a command can't go on with these errors, which are printed."""
    for error in errors:
        output.remark(error.formatted.in_language(language))
    return Failure(BAD_CONFIG, text)
