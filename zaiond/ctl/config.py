"""`zaiond-ctl config`: what is in force, how the disk differs from it, and back to it."""

from typing import TYPE_CHECKING, Any

from zaiond.ctl import check, control, output, paths
from zaiond.ctl.commandline import Command, Line, Option
from zaiond.ctl.diff import with_disk
from zaiond.ctl.exit_status import BAD_CONFIG, FAILED, Failure, NoDaemon, not_permitted
from zaiond.os_error import in_japanese
from zaiond.text import Language, Text

if TYPE_CHECKING:
    from zaiond.config.load import Files

COMMANDS = (
    Command(
        "config show",
        ja="使用中の設定を表示する（パスワードは ******** になる）",
        en="print the configuration in force (secrets masked)",
        more_ja="デーモンが動いていなければ、ファイルの設定を表示し、そのことを知らせます。",
        more_en="Where no daemon runs, that of the files, and it says so.",
        options=(
            Option(
                "--origin",
                ja="それぞれの値を決めたファイルと行も表示する",
                en="also from which file and line each value comes",
            ),
        ),
        examples=(
            ("config show", "使用中の設定を見る", "see what is in force"),
            (
                "config show --origin",
                "値がどこで決まったかを調べる",
                "find out where a value comes from",
            ),
        ),
    ),
    Command(
        "config diff",
        ja="使用中の設定とディスクのファイルの違いを表示する",
        en="print how the files on disk differ from what is in force",
        more_ja="パスワードは ******** になります。デーモンが動いていなければ、"
        "直前の有効な設定と比べます。違いがあれば終了ステータスは 1 です。",
        more_en="Secrets are masked. Where no daemon runs, it is compared with the last good"
        " configuration. The exit status is 1 if there are differences.",
        examples=(
            (
                "config diff",
                "まだ反映されていない変更を見る",
                "see changes that are not in force yet",
            ),
        ),
    ),
    Command(
        "config revert",
        ja="直前の有効な設定のファイルをディスクに書き戻す",
        en="write the last good configuration's files back to disk",
        examples=(
            (
                "config revert",
                "誤った編集を取り消す",
                "undo an edit that broke the configuration",
            ),
        ),
    ),
)
_FROM_DISK = Text(
    "zaiond が動いていないため、ファイルの設定を表示します",
    "zaiond is not running: this is the configuration on disk",
)


def run(line: Line) -> int:
    """One of show, diff, revert."""
    name = line.command.name if line.command else ""
    if name == "config show":
        return _show(line)
    return _diff(line) if name == "config diff" else _revert(line)


def _show(line: Line) -> int:
    try:
        reply = control.ask(line, "config.show")
        result: dict[str, Any] = {**reply.result, "from": "daemon"}
        language = reply.language
    except NoDaemon:
        result, language = _from_disk(line)
    settings: list[dict[str, Any]] = result["settings"]
    if line.flag("json"):
        output.document(result)
    else:
        output.say("\n".join(_settings(settings, language, line.flag("origin"))))
    return 0


def _from_disk(line: Line) -> tuple[dict[str, Any], Language]:
    from zaiond.config.load import load

    path = paths.config(line)
    check.demand_readable(path)
    language = output.language(line)
    loaded = load(path, paths.credentials(), credentials_optional=True)
    if loaded.config is None:
        for text in check.diagnostics(loaded.errors, language):
            output.remark(text)
        raise Failure(
            BAD_CONFIG,
            f"{path}: zaiond は動いておらず、ファイルの設定には誤りがあります",
            f"{path}: zaiond is not running, and the configuration on disk has errors",
        )
    if not line.flag("json"):
        output.complain(_FROM_DISK, language)
    settings = [
        {"key": one.key, "value": one.value, "file": one.file, "line": one.line}
        for one in loaded.settings
    ]
    return {"settings": settings, "state": "good", "from": "disk"}, language


def _settings(settings: list[dict[str, Any]], language: Language, origin: bool) -> list[str]:
    if not settings:
        return [
            Text("有効な設定がありません", "no configuration is in force").in_language(language)
        ]
    default = Text("既定値", "default").in_language(language)
    rows = []
    for setting in settings:
        row = [f"{setting['key']}: {setting['value']}"]
        if origin:
            file = setting["file"]
            row.append(f"{file}:{setting['line']}" if file else default)
        rows.append(row)
    return output.table(rows)


def _diff(line: Line) -> int:
    kept, language = _kept(line)
    lines = with_disk(kept, language)
    if line.flag("json"):
        output.document({"same": not lines, "diff": lines})
    elif lines:
        output.say("\n".join(lines))
    else:
        same = Text(
            "ディスクの設定は使用中の設定と同じです", "The files on disk are what is in force"
        )
        output.say(same.in_language(language))
    return FAILED if lines else 0


def _revert(line: Line) -> int:
    from zaiond.config.load import revert

    kept, language = _kept(line)
    try:
        paths = revert(kept)
    except PermissionError as error:
        raise not_permitted(error.filename or kept.main) from None
    except OSError as error:
        raise Failure(
            FAILED,
            f"{error.filename}: 書き戻せません: {in_japanese(error)}",
            f"{error.filename}: can't be written: {error.strerror}",
        ) from None
    if line.flag("json"):
        output.document({"files": paths})
    elif paths:
        for path in paths:
            done = Text(f"元に戻しました: {path}", f"Reverted: {path}")
            output.say(done.in_language(language))
    else:
        same = Text("戻すものはありません", "Nothing to revert")
        output.say(same.in_language(language))
    return 0


def _kept(line: Line) -> "tuple[Files, Language]":
    """The files of the configuration in force: from the daemon, else those it kept on disk."""
    from zaiond.config.load import Files, read_last_good

    try:
        reply = control.ask(line, "config.last_good")
        result: dict[str, Any] = reply.result
        texts = {one["path"]: one["text"] for one in result["files"]}
        return Files(result["main"], tuple(result["yaml"]), texts), reply.language
    except NoDaemon:
        folder = paths.state_dir(line)
    try:
        files = read_last_good(folder)
    except PermissionError:
        raise not_permitted(folder) from None
    except OSError as error:
        raise Failure(
            FAILED,
            f"{folder}: 読めません: {in_japanese(error)}",
            f"{folder}: can't be read: {error.strerror}",
        ) from None
    if files is None:
        raise Failure(
            FAILED,
            f"zaiond は動いておらず、直前の有効な設定も残っていません（{folder}）",
            f"zaiond is not running, and no last good configuration is kept ({folder})",
        )
    return files, output.language(line)
