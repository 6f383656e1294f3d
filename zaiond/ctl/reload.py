"""`zaiond-ctl reload`: take the configuration from disk now."""

from zaiond.ctl import control, labels, output
from zaiond.ctl.commandline import Command, Line
from zaiond.ctl.exit_status import BAD_CONFIG
from zaiond.text import Text

COMMANDS = (
    Command(
        "reload",
        ja="設定ファイルを今すぐ読み込む",
        en="take the configuration from disk now",
        more_ja="変更は自動でも 2 秒以内に読み込まれます。誤りがあれば今までの設定で動き続け、"
        "その内容を表示して終了ステータス 78 で終わります。",
        more_en="A change takes effect within two seconds by itself. With errors, which are"
        " printed, the configuration in force stays, and the exit status is 78.",
        examples=(("reload", "編集した設定を反映する", "put an edited configuration into force"),),
    ),
)


def run(line: Line) -> int:
    """Asks the daemon; prints why it was not taken, if it was not."""
    reply = control.ask_even_if_refused(line, "reload")
    if line.flag("json") and (reply.ok or reply.status == BAD_CONFIG):
        output.document(reply.result)
    if reply.ok:
        if not line.flag("json"):
            output.say(
                Text("設定を読み込みました", "Configuration loaded").in_language(reply.language)
            )
        return 0
    return refused(reply)


def refused(reply: control.Reply) -> int:
    """Prints why the configuration was not taken; gives the exit status."""
    errors = (reply.result or {}).get("errors", [])
    message = reply.message or "\n".join(labels.diagnostic(one).ja for one in errors)
    output.complain(Text(message, message), reply.language)
    for error in errors:
        output.remark(labels.diagnostic(error).in_language(reply.language))
    return reply.status
