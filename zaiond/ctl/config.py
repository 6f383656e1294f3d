"""`zaiond-ctl config`: what is in force, how the disk differs from it, and back to it."""

import difflib
import os
import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from zaiond.ctl import check, control, output, words
from zaiond.ctl.commandline import Command, Example, Line, Option
from zaiond.ctl.exit_status import FAILED, NOT_PERMITTED, Failure, NoDaemon
from zaiond.ctl.terminal import Cell, Page, printable
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

# The keys that hold a secret, and those that look like one of them misspelt: the file may be broken
# just there. Those that only name a file, a credential or a command, and switches, hold none.
_KEY = r"(?!allow_|\w*_(?:file|credential|command|url)\b)\w*(?:pass?w|passphrase|secret|token)\w*"
_QUOTES = "[\"'“”‘’]?"
# Where a line or a mapping begins, whatever follows such a key may be its value: the ':' or the
# blank between them may be missing, or full-width.
_AT_KEY = rf"(?:^|[{{,])[ \t\u3000]*(?:-[ \t\u3000]+)*{_QUOTES}{_KEY}{_QUOTES}(?=[^\w-]|$)"
_BEFORE_VALUE = rf"\b{_KEY}(?=[ \t]*:(?:[ \t]|$))"
_SECRET = re.compile(f"({_AT_KEY}|{_BEFORE_VALUE}).*$", re.IGNORECASE)
_COMPLEX_KEY = re.compile(rf"""[ \t]*\?[ \t]+["']?{_KEY}""", re.IGNORECASE)
_MASKED = r"\1: ********"
# What stands behind or below a secret, however far to the left, and is none of these, is its rest.
_is_other = re.compile(
    r"""[ \t]*(?:#|-[ \t]|---|(?:"[^"]*"|'[^']*'|\w[\w.-]*)[ \t]*[:：](?:[ \t]|$))"""
).match


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
    rows: list[list[Cell]] = []
    for one in result["settings"]:
        origin = f"{one['file']}:{one['line']}" if one["file"] else words.DEFAULT
        rows.append([f"{one['key']}: {one['value']}", origin])
    if rows:
        page.table(rows if line.flag("origin") else [row[:1] for row in rows])
    else:
        page.line(words.NO_CONFIGURATION)
    output.answer(line, result, lambda: page)
    return 0


def _from_disk(line: Line) -> tuple[dict[str, Any], Language]:
    from zaiond.config.load import load

    path = line.config()
    check.demand_readable(path)
    language = output.language(line)
    loaded = load(path, line.credentials(), credentials_optional=True)
    if loaded.config is None:
        raise check.broken(loaded.errors, language, words.wrong_on_disk(path=path))
    if not line.flag("json"):
        output.complain(words.FROM_DISK, language)
    settings = [setting._asdict() for setting in loaded.settings]
    return {"settings": settings, "state": "good", "from": "disk"}, language


def _diff(line: Line) -> int:
    from zaiond.config.load import drop_ins, new_templates

    kept, language = _kept(line)
    yaml = dict.fromkeys((*kept.yaml, *drop_ins(kept.main)[0]))
    templates = [path for path in kept.texts if path.endswith(".j2")]
    shown = dict.fromkeys((*yaml, *templates, *new_templates(kept)))
    now = {path: _read(path) for path in dict.fromkeys((*kept.texts, *shown))}
    lines = differences(kept.texts, now, shown, language)
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
        folder = line.state_dir()
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


# -- the differences, without secrets


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="backslashreplace") as file:
            return file.read()
    except OSError:
        return None


def differences(
    kept: Mapping[str, str],
    now: Mapping[str, str | None],
    shown: Collection[str],
    language: Language,
) -> list[str]:
    """The lines of a unified diff of each file of `shown`, from what is in force to what is on disk
    (None: gone, or not readable). Of the others, which may hold a secret, it is only said that they
    differ."""
    lines: list[str] = []
    for path, text in now.items():
        before = kept.get(path)
        if before == text:
            continue
        if text is None:
            lines.append(words.gone(path=path).in_language(language))
        elif path not in shown:
            lines.append(words.differs(path=path).in_language(language))
        else:
            lines += _of_yaml(path, before, text, language)
    return lines


def _of_yaml(path: str, before: str | None, text: str, language: Language) -> list[str]:
    was = f"{path} ({words.IN_FORCE.in_language(language)})" if before is not None else os.devnull
    now = f"{path} ({words.ON_DISK.in_language(language)})"
    old, new = _masked(before or "").splitlines(), _masked(text).splitlines()
    lines = list(difflib.unified_diff(old, new, was, now, lineterm=""))
    return lines or [words.secret_differs(path=path).in_language(language)]


def _masked(text: str) -> str:
    """YAML with the values of secrets masked, those over several lines too."""
    lines: list[str] = []
    hidden_below: int | None = None
    for line in text.splitlines():
        depth = len(line) - len(line.lstrip())
        if hidden_below is not None and (depth > hidden_below or not _is_other(line)):
            continue
        hidden_below = None
        masked = _SECRET.sub(_MASKED, line)
        if masked != line:
            hidden_below = depth
        elif _COMPLEX_KEY.match(line):  # its value begins with a ':' below it
            hidden_below = depth - 1
        lines.append(masked)
    return "\n".join(lines)
