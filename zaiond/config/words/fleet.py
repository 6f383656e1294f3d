"""What is said of the settings of a fleet, in both languages."""

from zaiond.text import Sentence, Text

NO_ENGINE_SERVERS = Text(
    "NATS サーバーの URL を 1 つ以上書いてください（例: tls://nats1.example.co.jp:4222）",
    "write one URL of a NATS server at least, as tls://nats1.example.co.jp:4222",
)
NO_ENGINE_SERVER = Text(
    "tls://nats1.example.co.jp:4222 のように、tls:// か nats://、サーバー名、ポートを書いてくだ"
    "さい",
    "write it as tls://nats1.example.co.jp:4222: tls:// or nats://, a server's name, and its port",
)
NO_LOGIN_IN_URL = Text(
    "URL にはユーザー名とパスワードを書けません。user と password_file に書いてください",
    "a user or a password can't stand in the URL: set user and password_file",
)
two_logins = Sentence(
    "ログインの方法が重複しています（{both}）。どれか 1 つだけを残してください",
    "there are several ways to log in ({both}): keep one of them",
)
NO_ENGINE_PASSWORD = Text(
    "パスワードがありません。password_file を設定してください",
    "it needs a password: set password_file",
)
NO_ENGINE_USER = Text(
    "パスワードだけではログインできません。user も設定してください",
    "a password needs a user: set user",
)
NO_ENGINE_LOGIN = Text(
    "ログインの方法が設定されていません。NATS サーバーがだれでも受け入れるのでなければ、"
    "credentials_file、user、nkey_file のどれかを設定してください",
    "there is no login: unless the NATS servers take anybody, set credentials_file, user or "
    "nkey_file",
)
password_in_the_clear = Sentence(
    "{url} へはパスワードが暗号化されずに送られます。tls:// にするか、秘密を送らない nkey_file か "
    "credentials_file でログインしてください",
    "the password would go to {url} without encryption: make it tls://, or log in by nkey_file or "
    "credentials_file, which send no secret",
)
events_in_the_clear = Sentence(
    "{url} へはイベントが暗号化されずに送られます。サーバーが対応していれば tls:// にしてください",
    "events go to {url} without encryption: if the server can, make it tls://",
)
ENGINE_CA_UNUSED = Text(
    "tls:// のサーバーがないので、ca_file は使われません",
    "ca_file is not used, as no server is reached by tls://",
)
of_another_role = Sentence(
    "role が {role} のマシンでは、{name} は使われません",
    "{name} is not used with role {role}",
)
JOBS_OF_MEMBER = Text(
    "フリートのメンバーでは、jobs は使われません。ハブの設定に書いてください",
    "jobs are not watched by a member of a fleet: put them into the hubs' configuration",
)
no_credentials = Sentence(
    "{path} は NATS のクレデンシャル ファイルではありません（nsc generate creds で作ったファイルを"
    "指定してください）",
    "{path} is no credentials file of NATS: name one that nsc generate creds has made",
)
no_nkey = Sentence(
    "{path} にユーザーの NKey のシード（SU で始まる 1 行）がありません（nk -gen user で作れます）",
    "{path} holds no seed of a user's NKey, a line that begins with SU (nk -gen user makes one)",
)
NO_ENGINE_CLIENT = Text(
    "フリートに必要な Python パッケージ nats-py と nkeys がありません。zaiond を Debian パッケージ"
    "でお使いの場合は、パッケージ zaiond-fleet をインストールしてください。それ以外の場合は、"
    'zaiond の環境に "zaiond[fleet]" をインストールしてください（pip install "zaiond[fleet]"）',
    "a fleet needs the Python packages nats-py and nkeys: if zaiond is a Debian package, install "
    "the package zaiond-fleet; else install zaiond[fleet] into its environment "
    '(pip install "zaiond[fleet]")',
)
