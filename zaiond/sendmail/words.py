"""What zaiond-sendmail says, in both languages."""

from zaiond.text import Sentence, Text

no_value = Sentence("{option}: 値を指定してください", "{option}: a value is required")
other_mode = Sentence(
    "{mode}: このモードには対応していません。標準入力のメールを渡す用途（-bm）だけに使えます",
    "{mode}: there is no such mode here; zaiond-sendmail only takes a mail from standard input"
    " (-bm)",
)
_SMTP = Text(
    "SMTP サーバーとしては動作しません。メールを標準入力で渡す（sendmail -i 宛先）か、"
    "設定 mail_server のサーバーに直接 SMTP で接続してください",
    "it is no SMTP server: give it the mail on standard input (sendmail -i RECIPIENT), or connect"
    " to the server of mail_server itself",
)
MODES = {
    **{mode: Text(f"-b{mode}: {_SMTP.ja}", f"-b{mode}: {_SMTP.en}") for mode in ("s", "d", "D")},
    "p": Text(
        "-bp: 送信待ちのメールは zaiond-ctl queue list で確認してください",
        "-bp: what waits to be sent is shown by zaiond-ctl queue list",
    ),
}
NO_RECIPIENT = Text(
    "宛先がありません。引数で指定するか、-t を付けてヘッダーの To、Cc、Bcc に書いてください",
    "there is no recipient: name one as an argument, or in To, Cc or Bcc of the header with -t",
)
wrong_recipient = Sentence(
    "宛先 {recipient} に送れません: {why}。メールはどの宛先にも送っていません",
    "the recipient {recipient} can't be sent to: {why}; nothing was sent to anybody",
)
too_many = Sentence(
    "宛先が多すぎます（{count} 件）。1 通のメールの宛先は {most} 件までです。分けて送ってください",
    "too many recipients ({count}): a mail can have {most}; send it in parts",
)
header_too_long = Sentence(
    "メールのヘッダーが長すぎます。{fields} 項目、{most} までです",
    "the header of the mail is too long: it can have {fields} fields and {most}",
)
TOO_LARGE = Text(
    "メールが 10 MiB を超えています。添付ファイルを減らすか、ファイルに残して"
    "場所を知らせてください",
    "the mail is over 10 MiB: attach less, or leave it in a file and mail where that is",
)
LOOP = Text(
    "メールがループしています: このメールは zaiond-sendmail を何度も通っています。"
    "管理者宛てのメールがこのマシンの sendmail に転送されていないか確認してください",
    "a mail loop: this mail has been through zaiond-sendmail again and again. See whether mail to"
    " the administrators is forwarded to this machine's sendmail",
)
EMPTY = Text(
    "メールが空です。標準入力からメールを渡してください",
    "the mail is empty: give it on standard input",
)
unreadable = Sentence("標準入力を読めません: {why}", "standard input can't be read: {why}")
unwritable = Sentence(
    "{path}: スプールに書き込めません: {why}。メールは受け付けられていません",
    "{path}: the spool can't be written: {why}; the mail was not taken",
)
HELP = Text(
    """使い方: zaiond-sendmail [オプション]... [宛先]...

標準入力のメールを zaiond に渡します（sendmail 互換）。ドメインのない宛先、このマシンの名前の
宛先、root は管理者（admins）を意味し、ルート（routes）に従って送られます。その他の宛先には
そのまま送られます。

  -t               宛先をヘッダーの To、Cc、Bcc からも読む（Bcc は取り除かれる）
  -i, -oi          ドットだけの行でメールを終わりとしない
  -f アドレス      From がないメールの差出人（返信先になる）
  -F 名前          From がないメールの差出人名
  -bm              メールを渡す（既定の動作）
  --runtime-dir DIR, --spool-dir DIR   zaiond と同じ
  --version, --help

その他の sendmail のオプションは無視されます。終了ステータスは sysexits.h のものです。
0 のときだけ、メールはディスクに書かれ、zaiond が送ります。""",
    """Usage: zaiond-sendmail [OPTION]... [RECIPIENT]...

Gives the mail on standard input to zaiond, as sendmail(1) does. Recipients without a domain, of
this machine's own, and root mean the administrators (admins): that mail goes by the routes. Any
other recipient gets it at just that address.

  -t               recipients are in To, Cc and Bcc of the header, too (Bcc is removed)
  -i, -oi          a line with a dot alone doesn't end the mail
  -f ADDRESS       the sender of a mail without From; replies go there
  -F NAME          the sender's name of a mail without From
  -bm              take a mail: the default
  --runtime-dir DIR, --spool-dir DIR   as of zaiond
  --version, --help

Other options of sendmail are ignored. Exit statuses are those of sysexits.h; with 0, and only
then, the mail is on disk, and zaiond sends it.""",
)
