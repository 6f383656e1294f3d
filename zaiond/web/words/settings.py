"""The words of the settings page. The Japanese ones are the seed's to the letter, its slips
included: `tests/unit/web/test_seed.py` compares them with it. What the page and `zaiond-ctl setup`
have in common is in setup.words.
"""

from typing import NamedTuple

from zaiond.setup import words as setup
from zaiond.text import Sentence, Text

TITLE = Text("メールサーバー設定", "Mail server settings")
NEEDED = Text(
    "メール通知機能を使用するには必ずメールサーバーの設定をが必要になります。",
    "Nothing can be mailed before the mail server is set up here.",
)
BACK = Text("戻る", "Back")
UPDATE = Text("更新", "Update")
CANCEL = Text("キャンセル", "Cancel")
INTRODUCTION = Text(
    "メールサーバーと送信するとき使用するメールアドレスを設定します",
    "The mail server, and the mail addresses used when mail is sent",
)
HELP = Text("説明", "Explanations")
help_of = Sentence("{number} の説明", "Explanation {number}")

# -- at a field

LABELS = {
    "mail_server.auth.username": Text("ユーザーID", "User ID"),
    "mail_server.auth.password": Text("パスワード", "Password"),
    "mail_server.pop_before_smtp.username": Text("POP のユーザーID", "POP user ID"),
    "mail_server.pop_before_smtp.password": Text("POP のパスワード", "POP password"),
}
PASSWORD_SET = Text(
    "設定済み（変更しないときは、空欄のままにします）", "Set. To keep it, leave this empty."
)
PASSWORD_NOT_SET = Text("未設定", "Not set")
NOT_SAVED = Text("まだ保存されていません", "Not saved yet")
ENTER_AGAIN = Text(
    "入力されたパスワードは、まだ保存されていません。もう一度入力してください",
    "The password that you entered is not saved yet: enter it again.",
)
ONLY_IF_CHOSEN = Text(
    "認証を使わないときは、入力しなくてもかまいません", "Only needed where a login is used."
)
by_other = Sentence("ほかから変更された値: {text}", "Changed by someone else to: {text}")
NOTHING = Text("（なし）", "(nothing)")
field = Sentence("「{label}」", '"{label}"')
file_line = Sentence("「{name}: 値」", '"{name}: VALUE"')
below = Sentence("「{parent}」の下に{lines}", 'below "{parent}" {lines}')
in_file = Sentence(
    "{text}（設定画面にない項目は、設定ファイルに書きます: {lines}）",
    "{text} (What is not on the settings page is set in the configuration's file: {lines}.)",
)

# -- ⑦

TEST = Text(
    "入力したアドレスにテストメールを送信確認します",
    "Send a test mail to the address that you enter",
)
ADDRESS = Text("確認用の送信先メールアドレス", "Address for the test")
ADDRESS_NOTE = Text(
    "空欄のときは、管理通知用メールアドレスに送ります",
    "If this is empty, it goes to the administrators' addresses.",
)
RESULT = Text("送信結果", "Result")
REQUIRED = Text("*は必須項目です", "* is required")
RUN = Text("実行", "Run")
second = Sentence("{seconds:.2f} 秒", "{seconds:.2f} s")
BROKEN_OFF = Text(
    "テストが途中で終わりました。もう一度実行してください。詳細: journalctl -u zaiond-web*",
    "The test broke off. Run it again. More: journalctl -u 'zaiond-web*'",
)

# -- what came of it

ERRORS = Text(
    "入力に誤りがあるため、何も変更していません。各項目に示した内容を直してください。",
    "There are errors, so nothing was changed. What is wrong stands at each field.",
)
TEST_ERRORS = Text(
    "入力に誤りがあるため、テストメールは送っていません。各項目に示した内容を直してください。",
    "There are errors, so no test mail was sent. What is wrong stands at each field.",
)
CHANGED_MEANWHILE = Text(
    "入力中に、設定ファイルがほかから変更されました。何も書き込んでいません。下の各項目に、変更さ"
    "れた値を示します。入力した値でよければ、もう一度［更新］を押してください。",
    "The configuration was changed by someone else meanwhile. Nothing was written. Below, what "
    "it is now stands at each field where it differs from what you entered. To write what you "
    "entered, press Update again.",
)
MEND_FIRST = Text(
    "設定ファイルに、この画面では直せない誤りがあります。先にファイルを修正してください。",
    "The configuration has errors that can't be mended on this page. Mend them in the file first.",
)
NEW_FILE = Text(
    "設定ファイルはまだありません。［更新］を押すと作成します。",
    "There is no configuration yet: Update makes it.",
)
CANT_SHOW = Text("設定を表示できません", "The settings can't be shown")
no_service = Sentence(
    "設定ファイルを扱うプログラムを起動できません（{why}）。サービスとして使っている場合: "
    "systemctl status zaiond-web-settings.socket",
    "The program that handles the configuration can't be reached ({why}). As a service: systemctl "
    "status zaiond-web-settings.socket",
)
NO_REPLY = Text(
    "設定ファイルを扱うプログラムから応答がありません。詳細: journalctl -u 'zaiond-web*'",
    "The program that handles the configuration does not answer. More: journalctl -u 'zaiond-web*'",
)
not_taken = Sentence(
    "動作中の zaiond は、この設定を読み込めませんでした: {why}",
    "The running zaiond has not taken it: {why}",
)

# -- in the journal

updated = Sentence("設定を変更: {files}", "changed the settings: {files}")
tested = Sentence("テストメールを送信: {results}", "sent a test mail: {results}")

# -- the explanations


class Explanation(NamedTuple):
    """One of the seed's; `more` is ours."""

    number: str
    heading: Text
    text: Text
    more: Text | None = None


EXPLANATIONS = (
    Explanation(
        "①",
        Text("送信メールサーバー", "Outgoing mail server"),
        Text("利用するサーバー名を登録します。", "The name of the server that is to be used."),
    ),
    Explanation(
        "②",
        Text("SMTPポート番号", "SMTP port"),
        Text("SMTP のポート番号を登録します。", "The port of SMTP."),
        Text(
            "暗号化はポート番号で決まります（465: 接続時から TLS、587: STARTTLS 必須、ほかは"
            "サーバーが対応していれば STARTTLS）。",
            "It decides on the encryption, too: 465 is TLS from the start, 587 requires STARTTLS, "
            "and any other takes STARTTLS where the server has it.",
        ),
    ),
    Explanation(
        "③",
        Text("SMTP認証", "SMTP authentication"),
        Text(
            "SMTP 認証を行っている場合は認証方式を選択して、ユーザーIDとパスワードを登録します。"
            "ユーザーID は各メンバーを登録するのではなく、サーバーにアクセスできる 1 名のみ登録で"
            "す。Zaion'nex 用にアカウントを用意しても構いません。",
            "If the server asks for a login, choose how it is done, and enter user ID and "
            "password. Not each member has to be registered: one account that may use the server "
            "is enough. It may be one made for Zaion'nex.",
        ),
    ),
    Explanation(
        "④",
        Text("POP Before SMTP を使用", "POP before SMTP"),
        Text(
            "POP Before SMTP を使用する場合は、「使用」を選択します。",
            "If the server wants POP before SMTP, choose “Use”.",
        ),
        Text(
            "SMTP 認証も使用する場合は、同じユーザーID とパスワードでログインします。",
            "With SMTP authentication, the login is the same.",
        ),
    ),
    Explanation(
        "⑤",
        Text("送信元メールアドレス", "Sender's mail address"),
        Text(
            "送信元メールアドレスの初期値は Zaion'nex です。メールサーバーによっては、このアドレ"
            "スが実在しなかったり、アットマーク(@)以下(たとえば Zaionnex@example.co.jp)がないと送"
            "信できない場合があります。実在しないと送信できない場合は Zaion'nex のアカウントを作"
            "るか、既にあるアカウントを登録してください。",
            "At first this is Zaion'nex. Some servers take no mail if the address doesn't exist, "
            "or if it has no @ with a domain (as in Zaionnex@example.co.jp). If it has to exist, "
            "make an account for Zaion'nex, or enter one that there is.",
        ),
    ),
    Explanation(
        "⑥",
        Text("管理通知用メールアドレス", "Administrators' mail addresses"),
        Text(
            "「データバックアップ」の「その他の設定」で「自動アップデートで通知を送る」に設定され"
            "ると、通知を受けるメンバーのメールアドレスの設定です。",
            "Where “Notify on automatic update” is set under “Other settings” of “Data backu"
            "p”, these are the addresses of the members who get the notices.",
        ),
    ),
)
TERMS = Text("用語の説明", "Terms")
TERM_LIST = (
    (
        Text("●SMTP認証", "SMTP authentication"),
        Text(
            "メールの送信時にユーザーID とパスワードにより認証を行うものです。認証が成功したユー"
            "ザーのみメールの送信が行えるので、SPAM メールなどの不正な使用を防ぐことができます。",
            "A login by user ID and password when mail is sent. Only users who succeed may send, "
            "which keeps others from abusing the server, for spam say.",
        ),
    ),
    (
        Text("●POP Before SMTP", "POP before SMTP"),
        Text(
            "メールの受信動作を行ってからでないと、メールの送信を行えないようにする仕組みのことで"
            "す。メールサーバーから電子メールを受信するときによく使われるプロトコルに POP があり"
            "ます。POP では、最初にユーザーID(メール・アカウント)とパスワードを用いてユーザー認証"
            "を行い、認証が成功した場合のみメールの受信を行うことができます。",
            "Mail may be sent only after mail was fetched. POP is a protocol that is often used to "
            "fetch mail from a server: it begins with a login by user ID (mail account) and "
            "password, and only who succeeds can fetch mail.",
        ),
    ),
)
TEST_HEADING = Text("通信テスト", "Test")
TEST_TEXT = Text(
    "設定された内容で正しく動作するかを確認を実行してください。送信先メールアドレスを登録して[実"
    "行]で送信されます。送信に失敗した場合は、以下の通りエラーログを表示します。",
    "Check whether mail goes out with what is entered above. Enter an address and press Run: a "
    "mail is sent, whether the settings have been saved or not. If it fails, the error is shown, "
    "like this:",
)
TEST_SUCCESS = Text(
    "正常に送受信が終了すると以下の通りになります。", "If all goes well, it looks like this:"
)
TEST_SAVED_OR_NOT = Text(
    "［更新］を押す前でも、画面に入力されている値で送信します。失敗したときは、その下に原因と対処を"
    "表示します。",
    "Where it fails, cause and remedy stand below the error.",
)
EXAMPLE_ADDRESS = "test@example.co.jp"
EXAMPLE_ERROR = Text(
    "[Error] 送信エラー Cant connect Server 11001 mailhost:25 test@example.co.jp zaionnex",
    "[Error] Send error Cant connect Server 11001 mailhost:25 test@example.co.jp zaionnex",
)
EXAMPLE_SUCCESS = Text("正常に送信されました", "Sent successfully")
MAIL_HEADING = Text("メール内容", "The mail")
EXAMPLE_MAIL = Text(
    "From: zaionnex@example.co.jp\n"
    "To: postmaster@example.co.jp\n"
    "Date: Sat, 25 May 2013 09:00:00 +0900\n"
    "Subject: [Zaionnex] Test Mail\n\n"
    "Zaionnex からのメール送信テストです。",
    "From: zaionnex@example.co.jp\n"
    "To: postmaster@example.co.jp\n"
    "Date: Sat, 25 May 2013 09:00:00 +0900\n"
    "Subject: [Zaionnex] Test Mail\n\n"
    "This is a test mail from Zaionnex.",
)
SENDING = setup.SENDING
