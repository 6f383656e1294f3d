"""What the self-test says; its advice stands in the modules of this package.

A row of advice is the cause of a failure in Japanese and English, then its remedy in both. It names
settings by their keys, so that a person who is no mail specialist can follow it without a manual.
These are filled in: `{server}`, `{host}`, `{port}`; `{told}`, the failure in words; `{detail}` of
it, and the same in parentheses as `{more}`; `{offered}` and `{usable}`, mechanisms of AUTH;
`{names}`, `{since}`, `{until}` of the certificate.
"""

from zaiond.text import Sentence, Text

Row = tuple[str, str, str, str]

SENT = Text("正常に送信されました", "Sent successfully")
SEND_ERROR = Text("送信エラー", "Send error")
WARNING = Text("警告", "Warning")
FAILED = Text("NG", "--")
hint = Sentence("原因: {cause}\n対処: {remedy}", "Cause: {cause}\nRemedy: {remedy}")
line_of = Sentence("{number} 行目: {address}", "line {number}: {address}")
queue_id = Sentence("（キュー ID {id}）", " (queue id {id})")
# What success means: the server took the mail; whether it arrived, the inbox shows.
taken = Sentence(
    "メールサーバー {server} が {address} 宛てのメールを受け付けました{queued}。届いたかどうかは、"
    "受信トレイ（迷惑メールのフォルダーも）で確認してください。",
    "The mail server {server} took the mail to {address}{queued}. Whether it arrived, the inbox "
    "shows (look into the spam folder, too).",
)
