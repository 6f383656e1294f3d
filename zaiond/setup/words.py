"""What the dialogue of `zaiond-ctl setup` says: the seed page's words, and the same in English."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from zaiond.text import Sentence, Text

_NONE = Text("", "")


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """One row of the page: the setting, its label, the note beside it, its explanation (`?`)."""

    key: str
    label: Text
    help: Text
    note: Text = _NONE
    choices: Mapping[str, Text] = field(default_factory=dict)


MECHANISMS = {
    "basic": Text("基本認証", "Basic authentication"),
    "ntlm": Text("統合 Windows 認証 (NTLM)", "Integrated Windows authentication (NTLM)"),
    "cram-md5": Text("CRAM-MD5", "CRAM-MD5"),
    "none": Text("未使用", "Not used"),
    "xoauth2": Text("XOAUTH2（設定ファイルで設定）", "XOAUTH2 (set up in the file)"),
}
SWITCH = {"true": Text("使用", "Use"), "false": Text("未使用", "Don't use")}
BUTTONS = {
    "update": Text("更新", "Update"),
    "cancel": Text("キャンセル", "Cancel"),
    "back": Text("戻る（入力し直す）", "Back (to the first question)"),
    "test": Text("実行（テストメールを送る）", "Run (send a test mail)"),
}

HEADING = Text(
    ja="メールサーバー設定\n\nメールサーバーと送信するとき使用するメールアドレスを設定します。"
    "\nEnter だけを押すと [ ] 内の値のままになります。? で説明、Ctrl-C でキャンセルします。\n",
    en="Mail server settings\n\nThe mail server, and the mail addresses used when mail is "
    "sent.\nEnter alone keeps what is in [ ]; ? explains; Ctrl-C cancels.\n",
)
HOST = Question(
    "mail_server.host",
    Text("送信メールサーバー", "Outgoing mail server"),
    Text("利用するサーバー名を登録します。", "The name of the server that is to be used."),
)
PORT = Question(
    "mail_server.port",
    Text("SMTP ポート番号", "SMTP port"),
    Text(
        "SMTP のポート番号を登録します。暗号化はポート番号で決まります（465: 接続時から TLS、"
        "587: STARTTLS 必須、ほかはサーバーが対応していれば STARTTLS）。",
        "The port of SMTP. It decides on the encryption, too (465: TLS from the start; 587: "
        "STARTTLS, required; any other: STARTTLS where the server has it).",
    ),
    note=Text("規定値は 25 となります", "25 by default"),
)
MECHANISM = Question(
    "mail_server.auth.mechanism",
    Text("SMTP 認証", "SMTP authentication"),
    Text(
        "メールの送信時にユーザーID とパスワードにより認証を行うものです。SMTP 認証を行っている"
        "場合は認証方式を選択して、ユーザーID とパスワードを登録します。",
        "A login by user ID and password when mail is sent. If the server asks for one, choose how "
        "it is done, and enter user ID and password.",
    ),
    choices=MECHANISMS,
)
USERNAME = Question(
    "mail_server.auth.username",
    Text("  ユーザーID", "  User ID"),
    Text(
        "各メンバーではなく、サーバーにアクセスできる 1 名のみを登録します。Zaionnex 用に"
        "アカウントを用意しても構いません。",
        "Not each member: one account only that may use the server. It may be one made for "
        "Zaionnex.",
    ),
)
POP = Question(
    "mail_server.pop_before_smtp.enabled",
    Text("POP Before SMTP を使用", "POP before SMTP"),
    Text(
        "メールの受信動作を行ってからでないと、メールの送信を行えないようにする仕組みです。"
        "使用する場合は、送信の前に POP でログインします。",
        "Some servers take mail only from who has fetched mail before. If it is used, we log in by "
        "POP before mail is sent.",
    ),
    choices=SWITCH,
)
POP_USERNAME = Question(
    "mail_server.pop_before_smtp.username",
    Text("  POP のユーザーID", "  POP user ID"),
    Text(
        "POP でログインするユーザーID（メール・アカウント）です。",
        "The user ID (mail account) that logs in by POP.",
    ),
)
SENDER = Question(
    "sender",
    Text("送信元メールアドレス", "Sender's mail address"),
    Text(
        "メールサーバーによっては、このアドレスが実在しなかったり、アットマーク (@) 以下がないと"
        "送信できない場合があります。その場合は Zaionnex のアカウントを作るか、既にあるアカウントを"
        "登録してください。",
        "Some servers take no mail if this address doesn't exist, or has no @ with a domain. Then "
        "make an account for Zaionnex, or enter one that there is.",
    ),
)
ADMINS = Question(
    "admins",
    Text("管理通知用メールアドレス", "Administrators' mail addresses"),
    Text(
        "データバックアップの自動アップデートなどの通知を受けるメンバーのメールアドレスです。",
        "The addresses of those who get the notices, as of the data backup's automatic update.",
    ),
    note=Text("コンマ区切りで複数設定できます", "several, separated by commas"),
)
QUESTIONS = (HOST, PORT, MECHANISM, POP, SENDER, ADMINS)

PASSWORD = Text("  パスワード", "  Password")
POP_PASSWORD = Text("  POP のパスワード", "  POP password")
IS_SET = Text("設定済み", "set")
NOT_SET = Text("未設定", "not set")
NUMBER = Text("番号", "Number")

REQUIRED = Text("必須項目です。入力してください", "this is required: enter a value")

TEST_HEADING = Text(
    ja="\n入力したアドレスにテストメールを送信確認します。「-」で省略できます。（*は必須項目です）",
    en="\nA test mail goes to the address that you enter; - sends none. (* is required.)",
)
address = Sentence(
    "確認用の送信先メールアドレス * [{admins}]: ", "Address for the test * [{admins}]: "
)
SENDING = Text("送信しています…", "Sending…")
RESULT = Text("送信結果: ", "Result: ")
choose = Sentence(
    "1 から {count} までの番号で答えてください", "answer by a number from 1 to {count}"
)
beside = Sentence("（{note}）", " ({note})")
locked = Sentence("{label}: {shown}\n  {why}", "{label}: {shown}\n  {why}")

# -- the files

FILE_HEAD = Text(
    "# zaiond の設定。項目の一覧: man zaiond.yaml\n\n",
    "# The configuration of zaiond. All settings: man zaiond.yaml\n\n",
)
is_credential = Sentence(
    "systemd のクレデンシャル {name} を使う設定のため、ここでは変更できません"
    "（ユニットの LoadCredential=）",
    "it is the systemd credential {name} (LoadCredential= in the unit), which can't be changed "
    "here",
)
in_other_file = Sentence(
    "{where} で設定されています。変更するには、そのファイルを編集してください",
    "it is set in {where}: to change it, edit that file",
)
by_alias = Sentence(
    "{where} で、YAML の別名（& と *）を使って設定されています。変更するには、"
    "ファイルを編集してください",
    "it is set in {where} by a YAML alias (& and *): to change it, edit the file",
)
overruled = Sentence(
    "{key} は、ほかのファイルで上書きまたは削除されています（{others}）。"
    "そのファイルを編集してください",
    "{key} is set or removed by another file ({others}): edit that file",
)
CHANGED_MEANWHILE = Text(
    "入力中に、設定ファイルがほかから変更されました。何も書き込んでいません。"
    "もう一度 zaiond-ctl setup を実行してください",
    "the configuration was changed by someone else meanwhile. Nothing was written: run zaiond-ctl "
    "setup again",
)
unwritable = Sentence("{path}: 書き込めません: {why}", "{path}: can't be written: {why}")
no_directory = Sentence(
    "ディレクトリ {directory} がありません。先に作成してください",
    "there is no directory {directory}: make it first",
)

# -- serve

NO_REQUEST = Text("要求の形式が正しくありません", "this is no request")
not_permitted = Sentence(
    "{path}: 権限がありません。設定を変更できるのは root です",
    "{path}: permission denied: it takes root to change the settings",
)
