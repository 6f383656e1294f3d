"""What is said of settings and their values, in both languages. No sentence shows a secret."""

from zaiond.text import Sentence, Text

# -- values with a form

not_between = Sentence(
    "{low} 以上 {high} 以下にしてください", "this must be between {low} and {high}"
)
NO_INTEGER = Text(
    "整数を、引用符を付けずに半角で書いてください", "this must be a whole number, without quotes"
)
NO_DURATION = Text(
    "時間は、数字に s（秒）、m（分）、h（時間）、d（日）のどれかを付けて書いてください（例: 30s）",
    "a duration is a number with s, m, h or d, as 30s",
)
NO_SIZE = Text(
    "大きさは、数字に K、M、G のどれかを付けて書いてください（例: 256M）",
    "a size is a number with K, M or G, as 256M",
)
NO_RATE = Text(
    "「数/単位」の形で書いてください。単位は s（秒）、m（分）、h（時間）、d（日）です（例: 1 分に "
    "30 通までなら 30/m）",
    "a rate is a number (1 or more) and s, m, h or d, as 30/m for 30 a minute",
)
no_unit = Sentence("単位がありません。{sentence}", "no unit: {sentence}")
NAME_ALONE = Text(
    "サーバー名だけを書いてください。ポート番号は port に書きます",
    "write the name alone: the port belongs into `port`",
)
NO_HOST = Text(
    "サーバー名が正しくありません。mail.example.co.jp や 192.0.2.1 のように、名前か IP アドレスだ"
    "けを書いてください",
    "this is no host name: write a name or an IP address alone, as mail.example.co.jp or 192.0.2.1",
)
NO_HELO_NAME = Text(
    "名前が正しくありません。host.example.co.jp のような名前か、[192.0.2.1] のような角括弧付きの "
    "IP アドレスを書いてください",
    "write a name as host.example.co.jp, or an IP address in brackets as [192.0.2.1]",
)
NO_CREDENTIAL = Text(
    "クレデンシャルの名前が正しくありません。ユニットの LoadCredential= に書いた名前（パスではあり"
    "ません）を書いてください",
    "this is no credential's name: write the name given in LoadCredential= (no path)",
)
NO_URL = Text(
    "URL が正しくありません。https://login.example.co.jp/token のように書いてください（ユーザー名"
    "や「#」は含められません）",
    "this is no URL that can be used: write it as https://login.example.co.jp/token (without a "
    "user's name, and without '#')",
)
HTTP_HERE_ONLY = Text(
    "http の URL は、このマシン自身（localhost、127.0.0.1、::1）だけに使えます。秘密を暗号化して送"
    "るため、https にしてください",
    "http is only for this machine itself (localhost, 127.0.0.1, ::1): secrets are sent there, so "
    "write https",
)
no_placeholder = Sentence(
    "{shown} は使えません。使えるのは {{host}} と {{fqdn}} だけです",
    "{shown} has no meaning here: only {{host}} and {{fqdn}} have",
)
NO_ADDRESSES = Text(
    "アドレスのリスト、またはコンマ（,）区切りの文字列を書いてください",
    "this must be a list of addresses, or one text with commas",
)
NO_ADDRESS = Text(
    "アドレスが 1 つもありません。少なくとも 1 つ書いてください",
    "there is no address: write one at least",
)

# -- values

NO_TEXT = Text(
    "文字列を 1 つだけ書いてください（リストや項目の並びは書けません）",
    "this must be a single text, not a list or a mapping",
)
READ_AS_NUMBER = Text(
    '引用符がないため、数値として読み取られます。"…" のように引用符で囲んでください',
    'without quotes this is read as a number, not as text: put it in quotes, "…"',
)
READ_AS_OTHER = Text(
    '引用符がないため、文字列ではない値（はい／いいえ、日付など）として読み取られます。"…" のよう'
    "に引用符で囲んでください",
    "without quotes this is read as a yes or no, a date or the like, not as text: put it in "
    'quotes, "…"',
)
control_sign = Sentence(
    "改行や制御文字は使えません（U+{code:04X} があります）",
    "line ends and control characters can't be used (U+{code:04X} is in it)",
)
EMPTY = Text(
    "値が空です。値を書くか、この行を削除してください",
    "this is empty: write a value, or delete the line",
)
full_width_number = Sentence(
    "数字などが全角です。半角で {narrow} と書いてください",
    "there are full-width digits or signs: write {narrow}",
)
FULL_WIDTH = Text(
    "全角の文字があります。半角で書いてください",
    "there are full-width characters: write them in half width (ASCII)",
)
NO_COMMAND = Text(
    "コマンドと引数をリストで書いてください（例: [/usr/local/bin/get-token, zaion]）",
    "this must be a list, a command and its arguments, as [/usr/local/bin/get-token, zaion]",
)
may_be_meant = Sentence(
    "書けるのは {names} です（{meant} ではありませんか）",
    "this may be {names}: did you mean {meant}?",
)
may_be = Sentence("書けるのは {names} です", "this may be {names}")
NO_SWITCH = Text(
    "true か false を、引用符を付けずに書いてください", "this must be true or false, without quotes"
)
NO_MAPPING = Text(
    "この下に、字下げした「項目: 値」の形で書いてください（「:」のあとには半角の空白が必要です）",
    "this must be settings as `key: value`, indented below it, with a space after the ':'",
)
NO_SERVERS = Text(
    "メールサーバーごとに「- 」で始まるリストにしてください（例: 「- host: mail2.example.co.jp」）",
    "this must be a list, each server begun with '- ', as `- host: mail2.example.co.jp`",
)

# -- keys

full_width_key = Sentence(
    "項目名が全角です。半角で {narrow} と書いてください", "this key is full-width: write {narrow}"
)
no_key_but = Sentence(
    "このような項目はありません。{meant} ではありませんか",
    "there is no such setting: did you mean {meant}?",
)
no_key_in = Sentence(
    "このような項目はありません。{within} に書けるのは {names} です",
    "there is no such setting; {within} has: {names}",
)
no_key = Sentence(
    "このような項目はありません。最上位に書けるのは {names} です",
    "there is no such setting; at the top are: {names}",
)
MISSING = Text("設定がありません。必ず設定してください", "this is missing: it must be set")
NO_SERVER = Text(
    "メールサーバーごとに「- host: mail2.example.co.jp」の形で書いてください",
    "each server must be settings, as `- host: mail2.example.co.jp`",
)

# -- logins

command_and_grant = Sentence(
    "token_command は {others} と同時に使えません。どちらか一方だけを残してください",
    "token_command excludes {others}: keep one or the other",
)
NO_TOKEN_SOURCE = Text(
    "トークンの取得方法がありません。grant（refresh_token または client_credentials）か "
    "token_command を設定してください",
    "nothing says where the token comes from: set grant (refresh_token or client_credentials) or "
    "token_command",
)
grant_needs = Sentence("grant が {grant} のときは {name} が必要です", "grant {grant} needs {name}")
two_client_secrets = Sentence(
    "クライアント シークレットの指定が重複しています（{both}）。どちらか 1 つだけを残してください",
    "the client secret is given more than once ({both}): keep one of them",
)
NO_CLIENT_SECRET = Text(
    "grant が client_credentials のときは client_secret_file か client_secret_credential が必要で"
    "す",
    "grant client_credentials needs client_secret_file or client_secret_credential",
)
NO_REFRESH_TOKEN_FILE = Text(
    "grant が client_credentials のときは refresh_token_file は使えません。この項目を削除するか、"
    "grant を refresh_token にしてください",
    "grant client_credentials has no use for refresh_token_file: take it out, or set grant to "
    "refresh_token",
)
two_passwords = Sentence(
    "パスワードの指定が重複しています（{both}）。どれか 1 つだけを残してください",
    "the password is given more than once ({both}): keep one of them",
)
no_username = Sentence(
    "mechanism が {mechanism} のときは username が必要です",
    "mechanism {mechanism} needs a username",
)
no_password = Sentence(
    "mechanism が {mechanism} のときはパスワードが必要です。password_file、password_credential、"
    "password のどれか 1 つを設定してください",
    "mechanism {mechanism} needs a password: set one of password_file, password_credential and "
    "password",
)
unused = Sentence(
    "mechanism が {mechanism} なので、{name} は使われません",
    "mechanism is {mechanism}: {name} is not used",
)
oauth2_unused = Sentence(
    "mechanism が {mechanism} なので、oauth2 は使われません。OAuth 2.0 を使うなら mechanism を "
    "xoauth2 にしてください",
    "mechanism is {mechanism}: oauth2 is not used; for OAuth 2.0 set mechanism to xoauth2",
)
no_backslash = Sentence(
    "「{sign}」は、ドメインを区切る「\\」（バックスラッシュ、U+005C）ではないため、ユーザー名の一"
    "部になります。次のように書いてください: username: {right}",
    "'{sign}' is not the backslash (U+005C) that ends a domain, and becomes a part of the user's "
    "name; write it as: username: {right}",
)

# -- mail servers

example_host = Sentence(
    "{host} は説明用の名前です。実際の{server}の名前に書き換えてください",
    "{host} is a name kept for examples: write the real server's",
)
port_of_other = Sentence(
    "ポート {port} は {service} のポートです。{name} は通常 {ports} です",
    "port {port} is {service}'s: {name} is on {ports} as a rule",
)
odd_security = Sentence(
    "ポート {port} で security が {security} になっています。このポートでは通常 {usual} です（接続"
    "開始時から暗号化する tls は {tls}）",
    "security {security} on port {port}: it is {usual} there as a rule (tls, from the first byte "
    "on, is on {tls})",
)
NO_POP_USER = Text(
    "POP before SMTP にはユーザー ID が必要です。username か auth.username を設定してください",
    "POP before SMTP needs a user: set username, or auth.username",
)
NO_POP_PASSWORD = Text(
    "POP before SMTP にはパスワードが必要です。password_file、password_credential、password のどれ"
    "か 1 つを、ここか auth に設定してください",
    "POP before SMTP needs a password: set one of password_file, password_credential and "
    "password, here or in auth",
)
POP_DISABLED = Text(
    "enabled が false なので、POP ではログインせず、この設定は使われません。POP before SMTP を使う"
    "なら enabled を true にしてください",
    "enabled is false: nobody logs in by POP, and this is not used; for POP before SMTP set "
    "enabled to true",
)
POP_PASSWORD_EXPOSED = Text(
    "POP のパスワードが暗号化されずに送られることがあります（APOP でも、通信を読んだ人に割り出され"
    "るおそれがあります）。サーバーが対応していれば、security を starttls か tls にしてください",
    "POP's password may be sent without encryption (and with APOP, others on the network may find "
    "it out): if the server can, set security to starttls or tls",
)
ONLY_APOP = Text(
    "暗号化されない接続では APOP でだけログインします。通信を読んだ人にパスワードを割り出されるお"
    "それがあり、APOP のないサーバーにはログインできません。security を starttls か tls にしてくだ"
    "さい。それができなければ、auth.allow_unprotected_password を true にすると、パスワードをその"
    "まま送ります",
    "without encryption only APOP is used, from which others on the network may find out the "
    "password; a server without APOP can't be logged in to. Set security to starttls or tls; "
    "where that is impossible, auth.allow_unprotected_password true sends the password as it is",
)
CA_FILE_UNUSED = Text(
    "security が none なので、ca_file は使われません", "ca_file is not used with security none"
)
LOGIN_DISABLED = Text(
    "mechanism が none なので、ログインせず、パスワードは使われません。SMTP 認証を使うなら "
    "mechanism を basic にしてください",
    "mechanism is none: nobody logs in, and the password is not used; for a login set mechanism "
    "to basic",
)
hash_exposed = Sentence(
    "{mechanism} の認証は、暗号化されない接続でも行います。通信を読んだ人にパスワードを割り出され"
    "るおそれがあります。サーバーが対応していれば、security を starttls か tls にしてください",
    "a login by {mechanism} crosses unencrypted connections, too, and others on the network may "
    "find out the password from it: if the server can, set security to starttls or tls",
)
PASSWORD_EXPOSED = Text(
    "パスワードが暗号化されずに送られることがあります。サーバーが対応していれば、security を "
    "starttls か tls にし、この設定を false にしてください",
    "the password may be sent without encryption: if the server can, set security to starttls or "
    "tls, and this to false",
)
PASSWORD_NEVER_SENT = Text(
    "security が none のままではパスワードを送れず、ログインできません。security を starttls か "
    "tls にするか、allow_unprotected_password を true にしてください",
    "with security none the password is never sent, so that no login succeeds: set security to "
    "starttls or tls, or allow_unprotected_password to true",
)

# -- between settings

less_than = Sentence(
    "queue.{large}（{had}）は queue.{small}（{needed}）以上にしてください",
    "queue.{large} ({had}) must not be less than queue.{small} ({needed})",
)
same_server = Sentence(
    "{address} は、これより前のメールサーバーと同じです",
    "{address} is a server that is tried before already",
)
example_domain = Sentence(
    "{spec} は説明用のドメインのアドレスで、メールは届きません。実際のアドレスに書き換えてください",
    "{spec} is in a domain kept for examples, where no mail arrives: write a real address",
)
beyond_jis = Sentence(
    "ISO-2022-JP にない文字 {lacking} があるため、charset が iso-2022-jp でも、すべてのメールが "
    "UTF-8 になります。別の文字に書き換えてください",
    "ISO-2022-JP has no {lacking}, so that every mail goes out as UTF-8 in spite of charset "
    "iso-2022-jp: write another character",
)
