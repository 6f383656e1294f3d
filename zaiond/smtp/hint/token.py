"""Hints for tokens: one that could not be had, and one that was refused."""

from zaiond.smtp.failure import Failure
from zaiond.smtp.hint.pair import Pair
from zaiond.text import Text


def missing(failure: Failure) -> Pair:
    """For a login that did not come about, as there was no token."""
    said = failure.detail
    if failure.cause == "token_refused":
        given = "" if failure.reply is None else failure.reply.text
        cause = Text(
            f"トークンの発行を断られました（{said}）。応答: {given}",
            f"No token was given ({said}). The answer: {given}.",
        )
        if "invalid_grant" in given:
            return cause, _NEW_REFRESH_TOKEN
        if "invalid_client" in given or "unauthorized_client" in given:
            return cause, _NEW_CLIENT_SECRET
        return (
            cause,
            Text(
                "設定 mail_server.auth.oauth2 の grant、token_url、client_id、scope を、サービスの"
                "管理画面や説明書と照らし合わせてください。",
                "Compare grant, token_url, client_id and scope of mail_server.auth.oauth2 with "
                "what the service's console and manual say.",
            ),
        )
    if failure.cause in ("command", "command_unfit"):
        return (
            Text(
                f"token_command からトークンを得られません（{said}）。",
                f"token_command brings no token ({said}).",
            ),
            Text(
                "設定 mail_server.auth.oauth2 の token_command を、zaiond を動かしている利用者で"
                "実行して確認してください（例: sudo -u zaiond コマンド）。トークンだけを標準出力の "
                "1 行目に書く必要があります。",
                "Run token_command of mail_server.auth.oauth2 as the user that runs zaiond, as in: "
                "sudo -u zaiond COMMAND. The first line of its output must be the token.",
            ),
        )
    if failure.cause == "token_unkept":
        return (
            Text(
                "新しいリフレッシュ トークンが発行されても保存できないため、トークンを"
                f"求めませんでした（{said}）。",
                f"No token was asked for: a new refresh token could not be kept ({said}).",
            ),
            Text(
                "zaiond-ctl を root で実行するか、書き込める状態ディレクトリーを --state-dir で"
                "指定してください。",
                "Run zaiond-ctl as root, or name a state directory that can be written to by "
                "--state-dir.",
            ),
        )
    ja, en = failure.text
    return (
        Text(f"ログインに使うトークンを取得できません。{ja}", f"No token for the login. {en}."),
        Text(
            "設定 mail_server.auth.oauth2 の token_url と、このマシンからその URL への通信が"
            "ファイアウォールで止められていないことを確認してください。証明書が原因なら "
            "mail_server.ca_file も確認します。",
            "Check token_url of mail_server.auth.oauth2, and that no firewall stops this machine "
            "on its way there; if it is the certificate, mail_server.ca_file, too.",
        ),
    )


REFUSED: Pair = (
    Text(
        "サーバーがトークンによるログインを断りました。",
        "The server refuses the login by token.",
    ),
    Text(
        "設定 mail_server.auth の username が、トークンを発行されたメールボックスで"
        "あること、oauth2 の scope が SMTP の送信を許すものであること（Microsoft 365 では "
        "SMTP.SendAsApp などの権限と、メールボックスの「認証済み SMTP」）を確認して"
        "ください。",
        "Check that username of mail_server.auth is the mailbox that the token is for, and "
        "that scope of its oauth2 allows mail to be sent by SMTP (at Microsoft 365: a "
        'permission as SMTP.SendAsApp, and "Authenticated SMTP" of the mailbox).',
    ),
)
_NEW_REFRESH_TOKEN = Text(
    "リフレッシュ トークンの期限が切れたか、取り消されています（パスワードの変更でも取り消される"
    "ことがあります）。もう一度許可して、新しいリフレッシュ トークンを設定 "
    "mail_server.auth.oauth2 の refresh_token_file のファイルに書いてください。",
    "The refresh token has expired or was revoked (a changed password may do that). Give consent "
    "anew, and write the new one into the file that refresh_token_file of "
    "mail_server.auth.oauth2 names.",
)
_NEW_CLIENT_SECRET = Text(
    "設定 mail_server.auth.oauth2 の client_id と、client_secret_file のファイルの内容を確認して"
    "ください。クライアント シークレットには期限があります。切れていれば、新しいものを発行して"
    "書いてください。",
    "Check client_id of mail_server.auth.oauth2, and the content of its client_secret_file. Client "
    "secrets expire: if it has, have a new one made and write it there.",
)
