"""Hints for what a server has against where a mail comes from: this machine, the sender."""

from zaiond.smtp.hint.pair import Pair, words
from zaiond.text import Text

TURNED_AWAY: Pair = (
    Text(
        "サーバーがこのマシンからの接続を断りました。",
        "The server turns this machine away.",
    ),
    Text(
        "サーバーの管理者に、このマシンの IP アドレスからの送信を許可してもらってください。",
        "Ask the server's administrator to allow this machine's IP address.",
    ),
)
# What a server has against this machine, whenever it says so.
ABOUT_US = (
    words(
        r"block(?:ed|ing)? (?:using|by|list)|black ?list|spamhaus|barracuda|\brbl\b|dnsbl"
        r"|reputation|5\.7\.(?:606|511|708)\b|listed (?:at|in|on|by)|dynamic|residential"
        r"|banned",
        (
            Text(
                "このマシンの IP アドレスが、迷惑メール対策のブロックリストで拒否されています。",
                "This machine's IP address is refused by a block list against spam.",
            ),
            Text(
                "固定 IP アドレスでない回線から直接は送れないことがあります。"
                "契約しているプロバイダーや社内のメールサーバーを mail_server.host に設定し、"
                "mail_server.port は 587 に、mail_server.auth も設定してください。固定 IP アドレス"
                "なら、ブロックリストの運営元に解除を申請します。",
                "From an address that changes, mail often can't be sent directly: set "
                "mail_server.host to your provider's or company's mail server, with port 587 and a "
                "login (mail_server.auth). From a fixed address, have it taken off the list.",
            ),
        ),
    ),
    words(
        r"\b(?:helo|ehlo)\b|fully[- ]qualified (?:host|domain name)(?!.*sender)",
        (
            Text(
                "サーバーが、このマシンの名乗った名前（EHLO）を断りました。",
                "The server refuses the name that this machine gives in EHLO.",
            ),
            Text(
                "設定 mail_server.helo_name に、DNS に登録されている、ドメインまで含むこのマシンの"
                "名前を設定してください。",
                "Set mail_server.helo_name to this machine's name in DNS, with its domain.",
            ),
        ),
    ),
    words(
        r"cannot find your|reverse (?:dns|lookup|host)|[45]\.7\.(?:25|27)\b|\bptr\b"
        r"|ip name (?:lookup failed|possibly forged)|client host rejected: cannot",
        (
            Text(
                "このマシンの IP アドレスから名前を引けない（逆引きの設定がない）ため、サーバーが"
                "断りました。",
                "The server refuses this machine because its IP address has no name (reverse DNS).",
            ),
            Text(
                "回線の事業者に逆引き（PTR）を設定してもらうか、mail_server.auth でログインできる"
                "サーバーを経由して送ってください。",
                "Have your provider set up reverse DNS (PTR), or send by a server that you log in "
                "to (mail_server.auth).",
            ),
        ),
    ),
    words(r"client host|client address|your (?:ip|host) .*(?:not|den)", TURNED_AWAY),
)

WANTS_LOGIN: Pair = (
    Text("サーバーが SMTP 認証を求めています。", "The server demands a login."),
    Text(
        "設定 mail_server.auth の mechanism を basic にし、username とパスワードを"
        "設定してください。",
        "Set mechanism of mail_server.auth to basic, and its username and password.",
    ),
)
LOGIN = (
    words(
        r"pop[- ]?before|check (?:your )?(?:new )?mail|receive (?:your )?mail",
        (
            Text(
                "サーバーは、送信の前に POP でのログインを求めています（POP before SMTP）。",
                "The server demands a login by POP before mail is sent (POP before SMTP).",
            ),
            Text(
                "設定 mail_server.pop_before_smtp を有効にし、POP サーバーの名前とユーザー ID、"
                "パスワードを設定してください。SMTP 認証も使えるサーバーなら、mail_server.auth の"
                "ほうが確実です。",
                "Turn on mail_server.pop_before_smtp, with the POP server's name, username and "
                "password. If the server knows a login by SMTP too, mail_server.auth is safer.",
            ),
        ),
    ),
    words(
        r"^530 .*(?:starttls|encrypt|\btls\b|\bssl\b)|must issue a? ?starttls",
        (
            Text("サーバーが暗号化を求めています。", "The server demands encryption."),
            Text(
                "設定 mail_server.security を starttls にしてください。",
                "Set mail_server.security to starttls.",
            ),
        ),
    ),
    words(
        r"relay",
        (
            Text(
                "サーバーは、SMTP 認証をしない相手からのメールを中継しません。",
                "The server passes on mail only for those who log in.",
            ),
            Text(
                "設定 mail_server.auth の mechanism を basic にし、username とパスワードを設定して"
                "ください。古いサーバーでは、代わりに mail_server.pop_before_smtp を使います。",
                "Set mechanism of mail_server.auth to basic, and its username and password. An old "
                "server may want mail_server.pop_before_smtp instead.",
            ),
        ),
    ),
)
OTHER_SENDER: Pair = (
    Text("サーバーが送信元アドレスを断りました。", "The server refuses the sender's address."),
    Text(
        "設定 sender に、@ 以下まであり、このサーバーに実在するアドレス（例: "
        "zaionnex@example.co.jp）を設定してください。",
        "Set sender to an address that exists on this server, with its domain after the @ "
        "(for example zaionnex@example.co.jp).",
    ),
)
OF_DOMAIN = words(
    r"\bspf\b|\bdkim\b|dmarc|[45]\.7\.(?:2[0-46]|509)\b",
    (
        Text(
            "送信元ドメインの送信ドメイン認証（SPF、DKIM、DMARC）に合わないため、サーバーが断り"
            "ました。",
            "The server refuses it because the sender's domain (SPF, DKIM, DMARC) doesn't "
            "allow this machine to send for it.",
        ),
        Text(
            "送信元ドメインの正規のメールサーバーを mail_server.host に設定するか、"
            "そのドメインの DNS の管理者に、このマシンを SPF に加えてもらってください。",
            "Set mail_server.host to that domain's own mail server, or have the administrator "
            "of its DNS add this machine to its SPF record.",
        ),
    ),
)
SENDER = (
    # Postfix, Exchange and Microsoft 365 (5.7.60, 5.2.252): logged in as somebody else.
    words(
        r"not owned by|sendas|send as this|not allowed to send as|[45]\.7\.60\b|5\.2\.252\b"
        r"|not logged in|(?:sender|from).*(?:does ?n.t|not) (?:match|belong)"
        r"|sender.*not authori[sz]ed",
        (
            Text(
                "送信元アドレスが、SMTP 認証でログインしたアカウントのものではありません。",
                "The sender's address doesn't belong to the account that we log in as.",
            ),
            Text(
                "設定 sender に、mail_server.auth の username のアカウントのメールアドレスを"
                "設定してください。別のアドレスで送るには、サーバーの管理者に、このアカウントへの「差出人と"
                "して送信」の権限を付けてもらいます。",
                "Set sender to the mail address of the account in username of mail_server.auth. To "
                "send by another address, have the server's administrator allow this account to "
                "send as that one.",
            ),
        ),
    ),
    words(
        r"fully[- ]qualified address|sender address rejected: need|domain name required"
        r"|(?:no|missing|need|requires?|without)(?: a)? domain|sender.*fully[- ]qualified"
        r"|^501 5\.(?:1\.7|5\.4) invalid address|sender.*(?:syntax|malformed)",
        (
            Text(
                "送信元アドレスに @ 以下（ドメイン）がないため、サーバーが断りました。",
                "The server refuses the sender's address because it has no domain after an @.",
            ),
            Text(
                "設定 sender を、@ 以下まであるアドレス（例: zaionnex@example.co.jp）に"
                "してください。",
                "Set sender to an address with its domain after the @ (for example "
                "zaionnex@example.co.jp).",
            ),
        ),
    ),
    # 4yz where DNS gave no answer just then.
    words(
        r"[45]\.1\.8\b|domain of sender|sender domain|(?:sender|envelope).*domain (?:not found"
        r"|must (?:exist|resolve)|does not (?:exist|resolve))",
        (
            Text(
                "送信元アドレスの @ 以下（ドメイン）が DNS に見つからないため、サーバーが"
                "断りました。",
                "The server refuses the sender's address because its domain is not found in DNS.",
            ),
            Text(
                "設定 sender を、実在するドメインのアドレス（例: zaionnex@example.co.jp）にして"
                "ください（@ の前後のつづりも確認してください）。",
                "Set sender to an address of a domain that exists (for example "
                "zaionnex@example.co.jp); check its spelling after the @, too.",
            ),
        ),
    ),
    words(
        r"sender.*(?:unknown|verif\w+ fail|does ?n.t exist|not exist|no such|undeliverable)"
        r"|(?:unknown|invalid) sender|5\.1\.7\b",
        (
            Text(
                "送信元アドレスがサーバーに実在しないため、断られました。",
                "The server refuses the sender's address because there is no such mailbox.",
            ),
            Text(
                "サーバーに送信元用のアカウントを作ってもらうか、すでにあるアカウントのアドレスを、"
                "設定 sender に設定してください。",
                "Have an account made for it on the server, or set sender to the address of one "
                "that exists.",
            ),
        ),
    ),
    OF_DOMAIN,
    words(r"sender address rejected|sender (?:rejected|denied|refused)", OTHER_SENDER),
)
