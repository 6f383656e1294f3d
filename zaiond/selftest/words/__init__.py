"""What the self-test says; its advice stands in the modules of this package.

A row of advice is the cause of a failure in Japanese and English, then its remedy in both. It names
settings by their keys, so that a person who is no mail specialist can follow it without a manual.
These are filled in: `{server}`, `{host}`, `{port}`; `{told}`, the failure in words; `{detail}` of
it, and the same in parentheses as `{more}`; `{offered}` and `{usable}`, mechanisms of AUTH;
`{names}`, `{since}`, `{until}` of the certificate.
"""

from zaiond.text import Text

Row = tuple[str, str, str, str]

SENT = Text("正常に送信されました", "Sent successfully")
SEND_ERROR = Text("送信エラー", "Send error")
WARNING = Text("警告", "Warning")
FAILED = Text("NG", "--")


def hint(cause: Text, remedy: Text) -> Text:
    """Cause and remedy, each on its own line."""
    return Text(
        ja=f"原因: {cause.ja}\n対処: {remedy.ja}", en=f"Cause: {cause.en}\nRemedy: {remedy.en}"
    )


def line_of(number: int, address: str) -> Text:
    """Which line is whose."""
    return Text(f"{number} 行目: {address}", f"line {number}: {address}")


def taken(server: str, address: str, queue_id: str | None) -> Text:
    """What success means: the server took the mail; whether it arrived, the inbox shows."""
    return Text(
        ja=f"メールサーバー {server} が {address} 宛てのメールを受け付けました"
        f"{f'（キュー ID {queue_id}）' if queue_id else ''}。届いたかどうかは、受信トレイ（"
        "迷惑メールのフォルダーも）で確認してください。",
        en=f"The mail server {server} took the mail to {address}"
        f"{f' (queue id {queue_id})' if queue_id else ''}. Whether it arrived, the inbox shows "
        "(look into the spam folder, too).",
    )
