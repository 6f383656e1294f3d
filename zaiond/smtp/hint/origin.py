"""Advice for what a server has against where a mail comes from: the sender, this machine."""

from zaiond.smtp.diagnosis import Diagnosis
from zaiond.smtp.hint.advice import Table, advice

ADVICE: Table = {
    Diagnosis.NOT_ALLOWED_AS_SENDER: advice(
        "送信元アドレスが、SMTP 認証でログインしたアカウントのものではありません。",
        "The sender's address doesn't belong to the account that we log in as.",
        "設定 sender に、mail_server.auth の username のアカウントのメールアドレスを設定してくださ"
        "い。別のアドレスで送るには、サーバーの管理者に、このアカウントへの「差出人として送信」の"
        "権限を付けてもらいます。",
        "Set sender to the mail address of the account in username of mail_server.auth. To send "
        "by another address, have the server's administrator allow this account to send as that "
        "one.",
    ),
    Diagnosis.SENDER_UNVERIFIED: advice(
        "送信元アドレスが、このメール送信サービスに登録されていません。",
        "The sender's address is not registered with this mail service.",
        "サービスの管理画面で送信元のアドレスまたはドメインを登録して認証を済ませるか、設定 "
        "sender を登録済みのアドレスにしてください。",
        "Register and verify the sender's address or domain on the service's console, or set "
        "sender to an address that is registered.",
    ),
    Diagnosis.SENDER_WITHOUT_DOMAIN: advice(
        "サーバーが送信元アドレスを正しい形と認めず、拒否しました。@ 以下（ドメイン）がない場合に"
        "よく起こります。",
        "The server doesn't take the sender's address for a valid one, most often because it has "
        "no domain after an @.",
        "設定 sender を、@ 以下まであるアドレス（例: zaionnex@example.co.jp）にしてください。",
        "Set sender to an address with its domain after the @ (for example "
        "zaionnex@example.co.jp).",
    ),
    Diagnosis.SENDER_DOMAIN_UNKNOWN: advice(
        "送信元アドレスの @ 以下（ドメイン）が DNS に見つからないため、サーバーが拒否しました。",
        "The server refuses the sender's address because its domain is not found in DNS.",
        "設定 sender を、実在するドメインのアドレス（例: zaionnex@example.co.jp）にしてください（"
        "@ の前後のつづりも確認してください）。",
        "Set sender to an address of a domain that exists (for example zaionnex@example.co.jp); "
        "check its spelling after the @, too.",
    ),
    Diagnosis.SENDER_UNKNOWN: advice(
        "送信元アドレスがサーバーに実在しないため、拒否されました。",
        "The server refuses the sender's address because there is no such mailbox.",
        "サーバーに送信元用のアカウントを作ってもらうか、すでにあるアカウントのアドレスを、設定 "
        "sender に設定してください。",
        "Have an account made for it on the server, or set sender to the address of one that "
        "exists.",
    ),
    Diagnosis.SENDER_DOMAIN_POLICY: advice(
        "送信元ドメインの送信ドメイン認証（SPF、DKIM、DMARC）に合わないため、サーバーが拒否しまし"
        "た。",
        "The server refuses it because the sender's domain (SPF, DKIM, DMARC) doesn't allow this "
        "machine to send for it.",
        "送信元ドメインの正規のメールサーバーを mail_server.host に設定するか、そのドメインの DNS "
        "の管理者に、このマシンを SPF に加えてもらってください。",
        "Set mail_server.host to that domain's own mail server, or have the administrator of its "
        "DNS add this machine to its SPF record.",
    ),
    Diagnosis.SENDER_MAILBOX_FULL: advice(
        "送信元のメールボックスがいっぱいのため、サーバーが送信を拒否しました。",
        "The server sends nothing because the sender's own mailbox is full.",
        "設定 sender のメールボックス（または mail_server.auth の username のアカウント）を空けて"
        "ください。",
        "Make room in the mailbox of sender, or of the account in username of mail_server.auth.",
    ),
    Diagnosis.SENDER_NEEDS_SMTPUTF8: advice(
        "英数字以外を含むアドレスに必要な SMTPUTF8 に、サーバーが対応していません。",
        "The mail has an address with other than ASCII characters, which needs SMTPUTF8, and the "
        "server doesn't offer that.",
        "設定 sender と宛先（admins など）を、英数字だけのアドレスにしてください。",
        "Set sender, and the recipients (as admins), to addresses of ASCII characters only.",
    ),
    Diagnosis.SENDER_UNFIT: advice(
        "送信元アドレスに使えない文字があります。",
        "There are characters in the sender that no mail address can have.",
        "設定 sender のアドレスを直してください。",
        "Correct the address in sender.",
    ),
    Diagnosis.SENDER_REFUSED: advice(
        "サーバーが送信元アドレスを拒否しました。",
        "The server refuses the sender's address.",
        "設定 sender に、@ 以下まであり、このサーバーに実在するアドレス（例: "
        "zaionnex@example.co.jp）を設定してください。",
        "Set sender to an address that exists on this server, with its domain after the @ (for "
        "example zaionnex@example.co.jp).",
    ),
    Diagnosis.MACHINE_BLOCKED: advice(
        "このマシンの IP アドレスが、迷惑メール対策のブロックリストで拒否されています。",
        "This machine's IP address is refused by a block list against spam.",
        "固定 IP アドレスでない回線から直接は送れないことがあります。契約しているプロバイダーや社"
        "内のメールサーバーを mail_server.host に設定し、mail_server.port は 587 に、"
        "mail_server.auth も設定してください。固定 IP アドレスなら、ブロックリストの運営元に解除を"
        "申請します。",
        "From an address that changes, mail often can't be sent directly: set mail_server.host to "
        "your provider's or company's mail server, with port 587 and a login (mail_server.auth). "
        "From a fixed address, have it taken off the list.",
    ),
    Diagnosis.HELO_REFUSED: advice(
        "サーバーが、このマシンの名乗った名前（EHLO）を拒否しました。",
        "The server refuses the name that this machine gives in EHLO.",
        "設定 mail_server.helo_name に、DNS に登録されている、ドメインまで含むこのマシンの名前を設"
        "定してください。",
        "Set mail_server.helo_name to this machine's name in DNS, with its domain.",
    ),
    Diagnosis.NO_REVERSE_DNS: advice(
        "このマシンの IP アドレスに逆引きの設定がない（名前がわからない）ため、サーバーが拒否しま"
        "した。",
        "The server refuses this machine because its IP address has no name (reverse DNS).",
        "回線の事業者に逆引き（PTR）を設定してもらうか、mail_server.auth でログインできるサーバー"
        "を経由して送ってください。",
        "Have your provider set up reverse DNS (PTR), or send by a server that you log in to "
        "(mail_server.auth).",
    ),
    Diagnosis.MACHINE_REFUSED: advice(
        "サーバーがこのマシンからの接続を拒否しました。",
        "The server turns this machine away.",
        "サーバーの管理者に、このマシンの IP アドレスからの送信を許可してもらうか、"
        "mail_server.port を 587 にして mail_server.auth でログインしてください。",
        "Ask the server's administrator to allow this machine's IP address, or set "
        "mail_server.port to 587 and log in (mail_server.auth).",
    ),
    Diagnosis.RELAYING_REFUSED: advice(
        "サーバーが、この宛先への中継を拒否しました。",
        "The server doesn't pass on mail to this recipient for us.",
        "宛先のドメインのつづりを確認してください。正しければ、設定 mail_server.auth で SMTP 認証"
        "を使うか（古いサーバーでは mail_server.pop_before_smtp）、サーバーの管理者にこのマシンか"
        "らの中継を許可してもらってください。",
        "Check the spelling of the address's domain. If it is right, log in by mail_server.auth "
        "(on an old server by mail_server.pop_before_smtp), or ask the server's administrator to "
        "allow this machine to relay.",
    ),
}
