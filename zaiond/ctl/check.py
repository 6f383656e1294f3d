"""`zaiond-ctl check` and `reload`: every error of the configuration, and taking it from disk."""

import sys
from collections.abc import Iterable

from zaiond.ctl import control, documents, output, words
from zaiond.ctl.commandline import Command, Example, Line
from zaiond.ctl.exit_status import BAD_CONFIG, NOT_PERMITTED, Failure
from zaiond.ctl.terminal import printable
from zaiond.errors import Diagnostic
from zaiond.text import Language, Text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from zaiond.config.load import Loaded

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
    Command(
        "reload",
        "設定ファイルを今すぐ読み込む\n"
        "変更は自動でも 2 秒以内に読み込まれます。誤りがあれば今までの設定で動き続け、その内容を"
        "表示して終了ステータス 78 で終わります。",
        "take the configuration from disk now\n"
        "A change takes effect within two seconds by itself. With errors, which are printed, the"
        " configuration in force stays, and the exit status is 78.",
        Example("reload", "編集した設定を反映する", "put an edited configuration into force"),
    ),
)


def run(line: Line) -> int:
    """One of check, reload."""
    return _check(line) if line.name == "check" else _reload(line)


def _check(line: Line) -> int:
    """Prints errors, then warnings; needs no daemon."""
    path = line.operands[0] if line.operands else line.config()
    demand_readable(path)
    language = output.language(line, path)
    loaded = for_daemon(line, path)
    errors = [one.document(language) for one in loaded.errors]
    warnings = [one.document(language) for one in loaded.warnings]
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


def for_daemon(line: Line, path: str) -> "Loaded":
    """The files as they are now, with what keeps the daemon from taking them."""
    from zaiond.config.access import daemon_identity
    from zaiond.config.load import load

    return load(path, line.credentials(), credentials_optional=True, reader=daemon_identity())


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


def _reload(line: Line) -> int:
    """Asks the daemon; prints why it was not taken, if it was not."""
    try:
        reply = control.ask(line, "reload")
    except control.Refused as refusal:
        if line.flag("json") and refusal.status == BAD_CONFIG:
            output.document(refusal.result)
        return refused(line, refusal)
    said = words.LOADED.in_language(reply.language)
    output.answer(line, reply.result, lambda: [said])
    return 0


def refused(line: Line, refusal: control.Refused) -> int:
    """Prints why the configuration was not taken; gives the exit status."""
    output.complain(refusal.text, output.language(line))
    for error in (refusal.result or {}).get("errors", []):
        output.remark(documents.diagnostic(error))
    return refusal.status
