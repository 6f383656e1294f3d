"""Advice for tokens that could not be had."""

from zaiond.smtp.diagnosis import Diagnosis
from zaiond.smtp.hint.advice import Table, advice

_REFUSED = ("トークンの発行を拒否されました{more}。", "No token was given{more}.")
_NO_TOKEN_BY_COMMAND = (
    "token_command からトークンを得られません{more}。",
    "token_command brings no token{more}.",
)
_RUN_THE_COMMAND = (
    "設定 mail_server.auth.oauth2 の token_command を、zaiond を動かしているユーザーで実行して確認"
    "してください（例: sudo -u zaiond コマンド）。標準出力の 1 行目に、トークンだけを書く必要が"
    "あります。",
    "Run token_command of mail_server.auth.oauth2 as the user that runs zaiond, as in: sudo -u "
    "zaiond COMMAND. The first line of its output must be the token.",
)
ADVICE: Table = {
    Diagnosis.REFRESH_TOKEN_REFUSED: advice(
        *_REFUSED,
        "リフレッシュ トークンの期限が切れたか、取り消されています（パスワードの変更でも取り消され"
        "ることがあります）。もう一度許可して、新しいリフレッシュ トークンを設定 "
        "mail_server.auth.oauth2 の refresh_token_file のファイルに書いてください。",
        "The refresh token has expired or was revoked (a changed password may do that). Give "
        "consent anew, and write the new one into the file that refresh_token_file of "
        "mail_server.auth.oauth2 names.",
    ),
    Diagnosis.CLIENT_SECRET_REFUSED: advice(
        *_REFUSED,
        "設定 mail_server.auth.oauth2 の client_id と、client_secret_file のファイルの内容を確認し"
        "てください。クライアント シークレットには期限があります。切れていれば、新しいものを発行し"
        "て書いてください。",
        "Check client_id of mail_server.auth.oauth2, and the content of its client_secret_file. "
        "Client secrets expire: if it has, have a new one made and write it there.",
    ),
    Diagnosis.TOKEN_REFUSED: advice(
        *_REFUSED,
        "設定 mail_server.auth.oauth2 の grant、token_url、client_id、scope を、サービスの管理画面"
        "や説明書と照らし合わせてください。",
        "Compare grant, token_url, client_id and scope of mail_server.auth.oauth2 with what the "
        "service's console and manual say.",
    ),
    Diagnosis.TOKEN_COMMAND_FAILED: advice(
        *_NO_TOKEN_BY_COMMAND,
        *_RUN_THE_COMMAND,
    ),
    Diagnosis.TOKEN_COMMAND_UNFIT: advice(
        *_NO_TOKEN_BY_COMMAND,
        *_RUN_THE_COMMAND,
    ),
    Diagnosis.TOKEN_UNKEPT: advice(
        "新しいリフレッシュ トークンが発行されても保存できないため、トークンを要求しませんでした"
        "{more}。",
        "No token was asked for: a new refresh token could not be kept{more}.",
        "zaiond-ctl を root で実行するか、書き込める状態ディレクトリを --state-dir で指定してくだ"
        "さい。",
        "Run zaiond-ctl as root, or name a state directory that can be written to by --state-dir.",
    ),
    Diagnosis.NO_TOKEN: advice(
        "ログインに使うトークンを取得できません。{told}",
        "No token for the login. {told}.",
        "設定 mail_server.auth.oauth2 の token_url と、このマシンからその URL への通信がファイアウ"
        "ォールで止められていないことを確認してください。証明書が原因なら mail_server.ca_file も確"
        "認します。",
        "Check token_url of mail_server.auth.oauth2, and that no firewall stops this machine on "
        "its way there; if it is the certificate, mail_server.ca_file, too.",
    ),
}
