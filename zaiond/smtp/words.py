"""What is said of a session to a person, in both languages; of one by POP, too."""

from zaiond.text import Sentence, Text

CAUSES: dict[str, Text] = {
    # the server said no: `reply` is set
    "reply": Text("拒否されました", "refused"),
    # a POP server said -ERR
    "err": Text("拒否されました", "turned away"),
    # the same, to our credentials
    "err_login": Text("ログインを拒否されました", "login refused"),
    "no_name": Text("そのような名前はありません", "no such name"),
    "dns_later": Text("DNS から応答がありません", "no answer from DNS"),
    "refused": Text("接続を拒否されました", "connection refused"),
    "timeout": Text("時間内に応答がありません", "timed out"),
    "reset": Text("接続を切断されました", "connection reset"),
    "net_unreachable": Text("ネットワークに到達できません", "network unreachable"),
    "host_unreachable": Text("ホストに到達できません", "host unreachable"),
    # `detail` has its words
    "os_error": Text("システムエラーが発生しました", "error of the system"),
    "closed": Text("接続が閉じられました", "connection closed"),
    "tls": Text("TLS を開始できません", "handshake failed"),
    "certificate": Text("証明書を検証できません", "certificate not verified"),
    "tls_not_offered": Text("サーバーが TLS に対応していません", "TLS not offered"),
    # bytes behind the 220 of STARTTLS
    "injection": Text("通信に割り込まれたおそれがあります", "tampered with"),
    # `detail`: what is offered
    "no_mechanism": Text("使える認証方式がありません", "no common mechanism"),
    "unprotected": Text("パスワードが保護されません", "the password would be unprotected"),
    # `reply` has the HTTP status
    "token_refused": Text("トークンが発行されません", "no token is given"),
    # no answer that could be used
    "token": Text("トークンを取得できません", "no token could be got"),
    # so none was asked for
    "token_unkept": Text("トークンを保存できません", "no place to keep a token"),
    "command": Text("コマンドが失敗しました", "token_command failed"),
    # the program can't be run, or says so by its exit status
    "command_unfit": Text("コマンドを使えません", "token_command can't be used"),
    # what came is no reply, or fits nothing that was sent
    "protocol": Text("応答を理解できません", "not understood"),
    "smtputf8": Text("サーバーが SMTPUTF8 に対応していません", "SMTPUTF8 not offered"),
    "too_big": Text("メールが大きすぎます", "too big for the server"),
    "address": Text("メールアドレスとして正しくありません", "not an address"),
    # `detail` is a sentence that says what to do
    "fleet": Text("引き継ぎに失敗しました", "failed"),
    "fleet_too_big": Text("引き継ぎに失敗しました", "too big"),
}
# What OpenSSL says of certificates and of handshakes, as far as people meet it, by how it begins.
_OPENSSL = {
    "unable to get": "信頼できる認証局のものではありません",
    "unable to verify the first certificate": "信頼できる認証局のものではありません",
    "self-signed certificate in": "信頼できる認証局のものではありません",
    "self-signed certificate": "自己署名の証明書です",
    "certificate has expired": "有効期限が切れています",
    "certificate is not yet valid": "有効期間がまだ始まっていません",
    "Hostname mismatch": "証明書の名前が違います",
    "IP address mismatch": "証明書の名前が違います",
    "wrong version number": "TLS の応答ではありません",
    "record layer failure": "TLS の応答ではありません",
    "unsupported protocol": "TLS のバージョンが合いません",
    "tlsv1 alert protocol version": "TLS のバージョンが合いません",
    "unexpected eof": "接続が閉じられました",
    "the connection was closed": "接続が閉じられました",
}
STAGES: dict[str, str] = {
    "resolve": "名前解決",
    "connect": "接続",
    "pop": "POP ログイン",
    "tls": "TLS",
    "greeting": "最初の応答",
    "ehlo": "EHLO",
    "starttls": "STARTTLS",
    "token": "トークンの取得",
    "auth": "SMTP 認証",
    "mail": "送信元の指定",
    "rcpt": "宛先の指定",
    "data": "本文の送信前",
    "content": "本文の送信後",
    "rset": "取り消し",
    "quit": "終了",
    "hand-over": "引き継ぎ",
    "session": "セッション全体",
}

TO_NOTHING = Text("何も尋ねていないのに応答がありました", "a reply to nothing")
NOT_FITTING = Text("コマンドに合わない応答です", "a reply that doesn't fit")
INJECTION = Text(
    "STARTTLS の 220 の後ろに平文が続いています", "bytes in plain text behind the 220 of STARTTLS"
)
POP_INJECTION = Text(
    "STLS の +OK の後ろに平文が続いています", "bytes in plain text behind the +OK of STLS"
)
NO_APOP = Text("サーバーが APOP に対応していません", "the server offers no APOP")
ENDLESS_AUTH = Text("AUTH のやり取りが終わりません", "AUTH never ends")
# After "the server sent" (`sent`)
LONG_LINE = Text("1 行で 4 KiB を超えています", "a line of more than 4 KiB")
LONG_REPLY = Text(" 64 KiB を超えています", "a reply of more than 64 KiB")
NO_REPLY = Text(" SMTP の応答の形になっていません", "what is no SMTP reply")
NO_POP_REPLY = Text(" POP の応答の形になっていません", "what is no POP reply")
LINES_DISAGREE = Text("行ごとに異なるコードを返しています", "a reply whose lines disagree")
NO_UNICODE = Text(
    "サーバーが Unicode に対応していないため、このユーザー ID を送れません",
    "the server takes no Unicode, so it can't be told this username",
)
MIXED_DIRECTIONS = Text(
    "右から左に書く文字と、左から右に書く文字は混ぜられません (RFC 4013)",
    "letters that are written from right to left can't be mixed with others in it (RFC 4013)",
)
sent = Sentence("サーバーの応答が{what}", "the server sent {what}")
OFFERS = "the server offers "
offers = Sentence("サーバーが提供する方式: {mechanisms}", f"{OFFERS}{{mechanisms}}")
NOTHING = Text("なし", "nothing")
too_big = Sentence(
    "{size} バイト。サーバーの上限は {most} バイトです", "{size} bytes, and the server takes {most}"
)
no_challenge = Sentence(
    "サーバーの NTLM のメッセージを解釈できません ({why})",
    "the server's NTLM message makes no sense: {why}",
)
prohibited = Sentence(
    "使えない文字 U+{code:04X} があります (RFC 4013)", "U+{code:04X} can't be used in it (RFC 4013)"
)
certificate = Sentence(
    "証明書の名前 {names}、有効期限 {until}", "certificate of {names}, until {until}"
)
NO_NAME = Text("なし", "no name")
certificate_expires = Sentence(
    "サーバーの証明書の有効期限まで、あと {days} 日です（{until}）。サーバーの管理者に更新を"
    "依頼してください。",
    "The server's certificate expires in {days} days ({until}). Ask its administrator to renew it.",
)
only_common_name = Sentence(
    "サーバーの証明書には、名前がコモンネーム（CN={name}）にしかありません。RFC 9525 では認め"
    "られなくなった形ですが、古いサーバーのために受け入れています。サーバーの管理者に、"
    "subjectAltName に DNS 名のある証明書への交換を依頼してください。",
    "The server's certificate has its name in the common name (CN={name}) alone, which RFC "
    "9525 no longer allows; it is taken for the sake of old servers. Ask the server's "
    "administrator for one with a DNS name in its subjectAltName.",
)
# Of a login over a connection that isn't both encrypted and verified, which `setting` would make it
password_unprotected = Sentence(
    "パスワードを、保護されていない接続で送りました。通信を読んだ人に知られるおそれがあります。サー"
    "バーが TLS に対応していれば、設定 {setting} を starttls か tls にしてください。",
    "The password crossed an unprotected connection: who reads it knows it. If the server "
    "knows TLS, set {setting} to starttls or tls.",
)
login_unprotected = Sentence(
    "{mechanism} の認証を、保護されていない接続で行いました。通信を読んだ人が、パスワードを推測でき"
    "るおそれがあります。サーバーが TLS に対応していれば、設定 {setting} を starttls か tls にして"
    "ください。",
    "The login by {mechanism} crossed an unprotected connection: who reads it may work out "
    "the password. If the server knows TLS, set {setting} to starttls or tls.",
)


def of_openssl(said: str) -> str:
    """What OpenSSL says, in Japanese; what is rare, as it stands."""
    return next((ja for en, ja in _OPENSSL.items() if said.startswith(en)), said)
