"""Advice for TLS: not offered, refused, handshake, certificate."""

from zaiond.smtp.diagnosis import Diagnosis
from zaiond.smtp.hint.advice import Table, advice

ADVICE: Table = {
    Diagnosis.TLS_NOT_OFFERED: advice(
        "設定では暗号化（STARTTLS）が必須ですが、サーバーが対応していません。",
        "The settings demand encryption (STARTTLS), and the server doesn't offer it.",
        "TLS を使えるポート（587、または 465 で mail_server.security: tls）をサーバーの管理者に確"
        "認してください。暗号化なしで送ってよい場合は、mail_server.security を opportunistic にし"
        "ます。",
        "Ask the server's administrator for a port with TLS (587; or 465 with "
        "mail_server.security: tls). If mail may go unencrypted, set mail_server.security to "
        "opportunistic.",
    ),
    Diagnosis.TLS_REFUSED: advice(
        "サーバーが TLS の開始を拒否しました。",
        "The server refuses to start TLS.",
        "しばらくしてからもう一度お試しください。続くときは、サーバーの TLS の設定（証明書など）の"
        "問題なので、サーバーの管理者にこの応答を伝えてください。",
        "Try again after a while. If it goes on, the server's own TLS settings (its certificate, "
        "for example) are at fault: tell its administrator these words.",
    ),
    Diagnosis.TLS_TAMPERED: advice(
        "TLS を開始する前に、暗号化されていない余分なデータが届きました。通信に割り込まれているお"
        "それがあります。",
        "Unencrypted data came in before TLS began: somebody may be tampering with the connection.",
        "サーバーとの間のネットワークと、サーバーのソフトウェアが新しいかを確認してください。",
        "Check the network between here and the server, and whether the server's software is up "
        "to date.",
    ),
    Diagnosis.TLS_NOT_SPOKEN: advice(
        "サーバーのこのポートは、接続開始時からの TLS（security: tls）に対応していません。",
        "The server doesn't speak TLS from the first byte on this port (security: tls).",
        "設定 mail_server.security を starttls にするか、mail_server.port を 465 にしてください。",
        "Set mail_server.security to starttls, or mail_server.port to 465.",
    ),
    Diagnosis.TLS_TOO_OLD: advice(
        "サーバーの TLS が古く、このマシンが安全と認める方式（TLS 1.2 以降）で通信できません。",
        "The server's TLS is so old that no way is left which this machine takes for safe (TLS "
        "1.2 or newer).",
        "サーバーの管理者に、TLS 1.2 以降への対応を依頼してください。社内の安全なネットワークの中"
        "であれば、mail_server.security を none にして暗号化なしで送ることもできます。",
        "Ask the server's administrator for TLS 1.2 or newer. Inside of a network that is safe, "
        "mail can go unencrypted: mail_server.security: none.",
    ),
    Diagnosis.TLS_FAILED: advice(
        "安全な接続（TLS）を開始できません{more}。",
        "The secure connection (TLS) can't be started{more}.",
        "設定 mail_server.port と mail_server.security の組み合わせ（587 と starttls、465 と tls）"
        "を確認してください。正しければ、途中のファイアウォールやセキュリティソフトが通信に割り込"
        "んでいないかを、サーバーの管理者と確認してください。",
        "Check that mail_server.port and mail_server.security fit together (587 and starttls, 465 "
        "and tls). If they do, check with the server's administrator whether a firewall or "
        "security software on the way interferes.",
    ),
    Diagnosis.CERTIFICATE_EXPIRED: advice(
        "サーバーの証明書は有効期限が切れています{until}。",
        "The server's certificate has expired{until}.",
        "サーバーの管理者に、証明書の更新を依頼してください。このマシンの時計が合っているかも確認"
        "してください。",
        "Ask the server's administrator to renew it. Check this machine's clock, too.",
    ),
    Diagnosis.CERTIFICATE_TOO_NEW: advice(
        "サーバーの証明書は、まだ有効期間に入っていません{since}。",
        "The server's certificate is not valid yet{since}.",
        "このマシンの時計が合っているかを確認してください。",
        "Check this machine's clock.",
    ),
    Diagnosis.CERTIFICATE_NAME: advice(
        "サーバーの証明書は、設定されたサーバー名「{host}」のものではありません（証明書の名前: "
        "{names}）。",
        'The server\'s certificate is not for "{host}", which is configured. Its names: {names}.',
        "設定 mail_server.host に、証明書に書かれている名前のうち、そのサーバーのものを設定してく"
        "ださい。心当たりのない名前なら、別のサーバーに接続しています。名前がないときは、サーバー"
        "の管理者に、「{host}」を subjectAltName に含む証明書への入れ替えを依頼してください。",
        "Set mail_server.host to that one of the certificate's names that is this server's. If "
        "you don't know any of them, it is another server that we are connected to. If there is "
        'none, ask the server\'s administrator for a certificate with "{host}" as a '
        "subjectAltName.",
    ),
    Diagnosis.CA_FILE_UNREADABLE: advice(
        "設定 mail_server.ca_file のファイルから CA 証明書を読み込めません{more}。",
        "No certificate can be read from the file in mail_server.ca_file{more}.",
        "設定 mail_server.ca_file の場所、ファイルの権限、内容（PEM 形式）を確認してください。",
        "Check the path in mail_server.ca_file, the file's permissions, and that it holds PEM.",
    ),
    Diagnosis.CERTIFICATE_UNKNOWN: advice(
        "サーバーの証明書を検証できません{more}。",
        "The server's certificate can't be verified{more}.",
        "社内の認証局などの証明書や自己署名の証明書を使うサーバーでは、その CA 証明書（PEM 形式）"
        "を設定 mail_server.ca_file に指定してください。",
        "If the server has a certificate of a private authority, or one signed by itself, set "
        "mail_server.ca_file to that authority's certificate (PEM).",
    ),
}
