"""`zaiond-ctl config`: what is in force, how the disk differs from it, and back to it."""

from typing import TYPE_CHECKING, Any

from zaiond.ctl import check, control, output, paths, words
from zaiond.ctl.commandline import Command, Example, Line, Option
from zaiond.ctl.diff import with_disk
from zaiond.ctl.exit_status import FAILED, NOT_PERMITTED, Failure, NoDaemon
from zaiond.ctl.terminal import Page, printable
from zaiond.text import Language, Sentence

if TYPE_CHECKING:
    from zaiond.config.sources import Files

COMMANDS = (
    Command(
        "config show",
        "使用中の設定を表示する（パスワードは ******** になる）\n"
        "デーモンが動いていなければ、ファイルの設定を表示し、そのことを知らせます。",
        "print the configuration in force (secrets masked)\n"
        "Where no daemon runs, that of the files, and it says so.",
        Option(
            "--origin",
            "それぞれの値を決めたファイルと行も表示する",
            "also from which file and line each value comes",
        ),
        Example("config show", "使用中の設定を見る", "see what is in force"),
        Example(
            "config show --origin",
            "値がどこで決まったかを調べる",
            "find out where a value comes from",
        ),
    ),
    Command(
        "config diff",
        "使用中の設定とディスクのファイルの違いを表示する\n"
        "パスワードは ******** になります。デーモンが動いていなければ、直前の有効な設定と"
        "比べます。違いがあれば終了ステータスは 1 です。",
        "print how the files on disk differ from what is in force\n"
        "Secrets are masked. Where no daemon runs, it is compared with the last good"
        " configuration. The exit status is 1 if there are differences.",
        Example(
            "config diff", "まだ反映されていない変更を見る", "see changes that are not in force yet"
        ),
    ),
    Command(
        "config revert",
        "直前の有効な設定のファイルをディスクに書き戻す",
        "write the last good configuration's files back to disk",
        Example(
            "config revert", "誤った編集を取り消す", "undo an edit that broke the configuration"
        ),
    ),
)


def run(line: Line) -> int:
    """One of show, diff, revert."""
    if line.name == "config show":
        return _show(line)
    return _diff(line) if line.name == "config diff" else _revert(line)


def _show(line: Line) -> int:
    try:
        reply = control.ask(line, "config.show")
        result: dict[str, Any] = {**reply.result, "from": "daemon"}
        language = reply.language
    except NoDaemon:
        result, language = _from_disk(line)
    page = Page(language)
    rows = [
        [
            f"{one['key']}: {one['value']}",
            f"{one['file']}:{one['line']}" if one["file"] else words.DEFAULT,
        ]
        for one in result["settings"]
    ]
    if rows:
        page.table(rows if line.flag("origin") else [row[:1] for row in rows])
    else:
        page.line(words.NO_CONFIGURATION)
    output.answer(line, result, lambda: page)
    return 0


def _from_disk(line: Line) -> tuple[dict[str, Any], Language]:
    from zaiond.config.load import load

    path = paths.config(line)
    check.demand_readable(path)
    language = output.language(line)
    loaded = load(path, paths.credentials(), credentials_optional=True)
    if loaded.config is None:
        raise check.broken(loaded.errors, language, words.wrong_on_disk(path=path))
    if not line.flag("json"):
        output.complain(words.FROM_DISK, language)
    settings = [
        {"key": one.key, "value": one.value, "file": one.file, "line": one.line}
        for one in loaded.settings
    ]
    return {"settings": settings, "state": "good", "from": "disk"}, language


def _diff(line: Line) -> int:
    kept, language = _kept(line)
    lines = with_disk(kept, language)
    said = lines or [words.SAME.in_language(language)]
    output.answer(line, {"same": not lines, "diff": lines}, lambda: map(printable, said))
    return FAILED if lines else 0


def _revert(line: Line) -> int:
    from zaiond.config.load import revert

    kept, language = _kept(line)
    try:
        files = revert(kept)
    except OSError as error:
        raise _failed(error, error.filename or kept.main, words.not_reverted) from None
    said = [words.reverted(path=file) for file in files] or [words.NOTHING_TO_REVERT]
    output.answer(
        line, {"files": files}, lambda: (printable(text.in_language(language)) for text in said)
    )
    return 0


def _kept(line: Line) -> "tuple[Files, Language]":
    """The files of the configuration in force: from the daemon, else those it kept on disk."""
    from zaiond.config.load import read_last_good
    from zaiond.config.sources import Files

    try:
        result, language = control.ask(line, "config.last_good")
        texts = {one["path"]: one["text"] for one in result["files"]}
        return Files(result["main"], tuple(result["yaml"]), texts), language
    except NoDaemon:
        folder = paths.state_dir(line)
    try:
        files = read_last_good(folder)
    except OSError as error:
        raise _failed(error, folder, words.unreadable) from None
    if files is None:
        raise Failure(FAILED, words.nothing_kept(folder=folder))
    return files, output.language(line)


def _failed(error: OSError, path: str, otherwise: Sentence) -> Failure:
    if isinstance(error, PermissionError):
        return Failure(NOT_PERMITTED, words.not_permitted(path=path))
    return Failure(FAILED, otherwise(path=path, why=error))
