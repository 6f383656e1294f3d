"""`zaiond-ctl reload`: take the configuration from disk now."""

from zaiond.ctl import control, documents, output, words
from zaiond.ctl.commandline import Command, Example, Line
from zaiond.ctl.exit_status import BAD_CONFIG

COMMANDS = (
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
