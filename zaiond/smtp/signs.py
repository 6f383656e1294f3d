"""What servers say when they refuse, by subject: each row was said so by a real server.

A phrase that is missing here loses no mail: `diagnose` has a row for the rest of each stage, and
that is a wait or a hold. Which rows count at which stage, and in which order, is said there, too.
"""

from zaiond.smtp.diagnosis import Diagnosis, Sign

# -- Too much of something, or too many

_CONNECTIONS = (
    r"too many (?:\w+ )*(?:connections|sessions)|connection (?:rate )?limit|ports are busy"
    r"|(?:concurrent|simultaneous) (?:\w+ )*(?:connections|sessions)|thread limit"
)
BUSY = (
    Sign(
        Diagnosis.RECIPIENT_BUSY, r"receiving mail (?:too quickly|at a rate)|recipient thread limit"
    ),
    Sign(Diagnosis.TOO_MANY_CONNECTIONS, _CONNECTIONS, "432"),  # Exchange: 432 4.3.2
)
TOO_MANY_MAILS = Sign(
    Diagnosis.TOO_MANY_MAILS,
    r"too many (?:\w+ )*(?:messages|e?-?mails|transactions)\b(?!.*\b(?:hour|day|minute))",
)
# RFC 5321 4.5.3.1.10; Google's 451 4.3.0 "multiple destination domains per transaction"
TOO_MANY_RECIPIENTS = Sign(
    Diagnosis.TOO_MANY_RECIPIENTS,
    r"too many (?:\w+ )*(?:recipients|rcpt)\b(?!.*\b(?:hour|day|minute))"
    r"|separate transaction|multiple destination domains",
    "5.3",
)
# Google: 550 5.4.5, 4.7.28; Microsoft: 550 5.1.90; Amazon: 454 "Throttling failure"; Exim and
# cPanel: "has exceeded the max emails per hour", "Sender rate overlimit - 18.1 / 1h"
SENDING_LIMIT = (
    Sign(Diagnosis.SENDING_LIMIT, codes="4.5", digits="5"),  # 421 4.4.5 is "server busy"
    Sign(
        Diagnosis.SENDING_LIMIT,
        r"rate[- ]?limit|rate (?:\w+ )?(?:over|exceed)|exceed\w* (?:\w+ ){0,3}rate\b|sending rate"
        r"|unusual rate|throttl|frequency limited|\b(?:daily|hourly)\b"
        r"|(?:exceed|limit|too (?:many|much)|more than).*"
        r"\b(?:per|an?|each|every|last|past|one|this) (?:\d+ )?(?:hour|day|minute)"
        r"|(?<!size )(?<!line )(?<!storage )(?<!space )(?<!hop )limit (?:is |was |has been )?"
        r"(?:exceeded|reached)|(?:sending|submission|message|outbound|outgoing|sender'?s?) "
        r"(?!size)(?:\w+ )?(?:quota|limit)|sender.{0,20}quota|quota.{0,20}sender"
        r"|submission ?quota|quota (?:\w+ ){0,3}send|sending (?:\w+ )?too (?:fast|quick|many|much)"
        r"|unusual amount of unsolicited"
        r"|too (?:many|much) .*\b(?:in|within) (?:\w+ )?(?:hour|day|minute)"
        r"|too (?:many|much) (?:\w+ )*(?:e?-?mails?|messages)\b(?! data)|server busy"
        r"|送信.{0,8}(?:制限|上限)|(?:制限|上限)を超え",
        "1.90 7.28",
    ),
)
_FULL = r"mail ?box.*full|full mail ?box"
OWN_QUOTA = (
    Sign(Diagnosis.SENDER_MAILBOX_FULL, _FULL),
    Sign(Diagnosis.SENDING_LIMIT, "quota", "2.2"),
)
MAILBOX = Sign(
    Diagnosis.MAILBOX_FULL,
    rf"quota|{_FULL}|mail ?box.*exceed|storage (?:allocation|limit|full)"
    r"|not enough (?:storage )?space|too much mail data|容量",
    "2.2",
)
DISK = Sign(
    Diagnosis.DISK_FULL,
    r"insufficient (?:system |disk )?(?:storage|space)|disk (?:is )?full|system (?:is )?full",
    "3.1",
)
SIZE = Sign(Diagnosis.TOO_BIG, codes="2.3 3.4")
SIZE_IN_WORDS = Sign(
    Diagnosis.TOO_BIG,
    r"too (?:big|large)\b|databytes|size (?:\w+ ){0,3}(?:exceed|limit)|larger than"
    r"|exceed\w* (?:\w+ ){0,3}size",
)
GREYLISTED = Sign(
    Diagnosis.GREYLISTED, r"gr[ae]y-?list|postgrey|try again in|come back (?:later|in)", digits="4"
)

# -- A login that is refused, and one that is wanted

_ENCRYPTION = Sign(  # RFC 4954 6: 538; RFC 5248: X.7.10, X.7.11
    Diagnosis.ENCRYPTION_WANTED,
    r"starttls|(?:\b(?:tls|ssl)\b|encrypt\w*|secure (?:connection|channel)) (?:\w+ ){0,3}"
    r"(?:required|needed|first|only|mandatory)|(?:requires?|must use|please use|\buse) (?:\w+ )"
    r"{0,2}(?:tls|ssl|encrypt\w*|secure)\b|暗号化|(?:tls|ssl).{0,6}必要",
    "523 538 7.10 7.11",
)
_OAUTH = Sign(  # Microsoft 365: 550 5.7.30, 535 5.7.139
    Diagnosis.OAUTH_WANTED,
    r"basic auth\w* (?:is|has been) (?:disabled|not supported)|no longer supports? basic|oauth"
    r"|less secure app",
    "7.30",
    digits="5",
)
LOGIN_REFUSED = (
    Sign(Diagnosis.TOO_MANY_CONNECTIONS, _CONNECTIONS, digits="4"),
    Sign(Diagnosis.SMTP_AUTH_DISABLED, "smtpclientauthentication is disabled|smtp_auth_disabled"),
    # Google's 454 4.7.0, Postfix's 450 4.7.1 "too many AUTH commands", Yahoo's 535 5.7.0
    Sign(
        Diagnosis.TOO_MANY_LOGINS,
        r"too many (?:\w+ )*(?:log[io]n|auth|attempt|fail)|auth005|try(?:ing)? to log ?in too",
    ),
    _ENCRYPTION,
    Sign(Diagnosis.TOKEN_LOGIN_REFUSED, digits="5", mechanism="XOAUTH2"),
    _OAUTH,
    # Google: 534 5.7.9, 534 5.7.14
    Sign(
        Diagnosis.APP_PASSWORD_WANTED,
        r"application-specific|app[- ]?(?:specific )?password|invalidsecondfactor",
    ),
    Sign(Diagnosis.BROWSER_WANTED, r"web ?browser", "7.14"),
    # RFC 4954 6: 432 4.7.12
    Sign(
        Diagnosis.PASSWORD_EXPIRED,
        r"password (?:has )?(?:expired|must be changed)|transition is needed",
        "7.12",
    ),
    Sign(  # RFC 4954 6: 525 5.7.13
        Diagnosis.ACCOUNT_DISABLED,
        r"account.*(?:disabled|locked|suspended|inactive)|(?:disabled|locked) (?:account|user)"
        r"|user is locked",
        "7.13",
    ),
    Sign(
        Diagnosis.MECHANISM_REFUSED,
        r"unrecognized auth|not advertised|mechanism.*(?:not|un)\w*|too weak",
        "500 501 502 503 504 5.1 5.2 5.4 7.4",
    ),
    Sign(Diagnosis.NTLM_REFUSED, digits="5", mechanism="NTLM"),
    Sign(Diagnosis.CRAM_MD5_REFUSED, digits="5", mechanism="CRAM-MD5"),
    Sign(
        Diagnosis.GOOGLE_REFUSED, digits="5", server=r"(?:^|\.)(?:gmail|google|googlemail)\.com\.?:"
    ),
    Sign(Diagnosis.GOOGLE_REFUSED, "gsmtp|support.google", digits="5"),
    Sign(Diagnosis.YAHOO_REFUSED, digits="5", server=r"(?:^|\.)yahoo\.(?:com|co\.jp)\.?:"),
    Sign(Diagnosis.YAHOO_REFUSED, r"#mbr\d|#auth\d", digits="5"),
    Sign(Diagnosis.ICLOUD_REFUSED, digits="5", server=r"(?:^|\.)(?:mail\.me|icloud)\.com\.?:"),
    Sign(
        Diagnosis.MICROSOFT_REFUSED,
        digits="5",
        server=r"(?:^|[.-])(?:office365|outlook|hotmail|live)\.com\.?:",
    ),
    Sign(Diagnosis.MICROSOFT_REFUSED, r"prod\.outlook\.com", "7.139", digits="5"),
)
LOGIN_WANTED = (
    _OAUTH,
    # "sorry, you must get POP/APOP authorization", "Please receive your mail before sending",
    # "Authenticate with POP first", "first check your mail with a valid POP account"
    Sign(
        Diagnosis.POP_LOGIN_WANTED,
        r"(?<![\w.@-])a?pop[23]?(?![\w-]|\.\w).*\b(?:first|before|auth\w*|must|need\w*|require\w*)\b"
        r"|\b(?:first|before|auth\w*|must|need\w*|require\w*|log\w*)\b.*(?<![\w.@-])a?pop[23]?"
        r"(?![\w-]|\.\w)|pop-before|\b(?:check|receive|retrieve|download) (?:\w+ ){0,3}"
        r"(?:e-?)?mails?\b.*\b(?:first|before|prior)\b|\bfirst (?:check|receive|retrieve) "
        r"(?:\w+ ){0,3}(?:e-?)?mail|受信(?:し(?:た後|てから)|の?後|操作|確認)"
        r"|(?:先に|送信(?:する)?前に).{0,15}(?:受信|チェック|pop)|pop\s*(?:認証|ログイン|受信|による)"
        r"|メールチェック",
    ),
    _ENCRYPTION,
    # RFC 4954 6: 530 at any command; others say it with 503, 550, 554 or 451
    Sign(
        Diagnosis.LOGIN_WANTED,
        r"authenticat(?!ed (?:as|user|account|id)\b)|\bauth (?:command )?(?:first|(?:is )?required)"
        r"|smtp[- ]auth\b|send auth|log ?[io]n first"
        r"|(?:must|please|need to) (?:first )?(?:be )?log(?:ged)? ?[io]n|not logged ?[io]n|認証",
        "530",
    ),
    # A port for submission says no more than this (as Postfix is set up there)
    Sign(
        Diagnosis.LOGIN_WANTED, r"client host rejected: access denied", server=r":(?:587|465|2525)$"
    ),
    # Not a host's name: relay.example.jp, mail-relay
    Sign(
        Diagnosis.RELAYING_REFUSED,
        r"(?<![\w.-])(?:relay(?:s|ed|ing)?|gatewaying)(?![\w-]|\.\w)|rcpthosts|中継",
    ),
    Sign(Diagnosis.OUT_OF_STEP, codes="503"),
)

# -- Where a mail comes from: the sender, this machine

# RFC 7372, RFC 7489; Microsoft: 5.7.509, 5.7.515
DOMAIN_POLICY = Sign(
    Diagnosis.SENDER_DOMAIN_POLICY,
    r"\bspf\b|\bdkim\b|dmarc|sender is unauthenticated|unauthenticated e?-?mail from"
    r"|authentication (?:information|checks|results)|送信ドメイン認証|なりすまし",
    "7.20 7.21 7.22 7.23 7.24 7.26 7.509 7.515",
)
SENDER = (
    # Microsoft: "5.1.8 Access denied, bad outbound sender"; cPanel: "outgoing mail suspension"
    Sign(Diagnosis.ACCOUNT_DISABLED, r"bad outbound sender|outgoing mail suspension", "7.705"),
    # SendGrid, Amazon SES, Postmark, SparkPost
    Sign(
        Diagnosis.SENDER_UNVERIFIED,
        r"verified sender|sender identity|(?:address|domain|sender|identit\w+) (?:is |are )?not "
        r"(?:been )?verified|unverified (?:address|domain|sender)|sender signature"
        r"|unconfigured sending domain",
    ),
    # Postfix, Exchange and Microsoft 365; "Mail from address must be same as authorization user",
    # "From address is not one of yours"
    Sign(
        Diagnosis.NOT_ALLOWED_AS_SENDER,
        r"not owned by|sendas|to send as\b|send as this|(?:sender|\bfrom(?: header| address)?:?) "
        r"(?:\S+ ){0,5}(?:does ?n.t|not) (?:match|belong)|sender.*not authori[sz]ed"
        r"|not (?:allowed|permitted|authori[sz]ed) to (?:send|use) .{0,30}\b(?:from|sender)"
        r"|\b(?:from|sender)\b(?: header| address|:| <>)* (?:must|should|has to) (?:\w+ )?"
        r"(?:be|match|equal)|\b(?:from|sender)\b(?: header| address|:| <>)* (?:in \w+ header )?"
        r"(?:is |was )?not (?:allowed|permitted|authori[sz]ed|one of|registered)"
        r"|(?:sender|from) address in .{0,20}not (?:allowed|permitted|authori[sz]ed)",
        "7.60 2.252",
    ),
    # Google: "Messages missing a valid address in From: header"
    Sign(
        Diagnosis.SENDER_WITHOUT_DOMAIN,
        r"sender address rejected: need|domain name required"
        r"|(?:no|missing|needs?|requires?|without)(?: an?)? domain|sender.*fully[- ]qualified"
        r"|sender.*(?:syntax|malformed)|(?:missing|no|without|not have)(?: an?)? (?:valid )?"
        r"(?:address in )?from\b|valid address in from",
        "1.7",
    ),
    # RFC 7505 4.2: X.7.27; with 4yz DNS gave no answer just then
    Sign(
        Diagnosis.SENDER_DOMAIN_UNKNOWN,
        r"domain of sender|sender domain|(?:sender|envelope).*domain (?:not found"
        r"|must (?:exist|resolve)|does not (?:exist|resolve))",
        "1.8 7.27",
    ),
    Sign(
        Diagnosis.SENDER_UNKNOWN,
        r"sender.*(?:unknown|verif\w+ fail|does ?n.t exist|not exist|no such|undeliverable)"
        r"|(?:unknown|invalid) sender",
    ),
    Sign(
        Diagnosis.SENDER_REFUSED,
        r"sender address rejected|sender (?:is |was )?(?:rejected|denied|refused)"
        r"|(?:mail from|from address|envelope from).{0,30}(?:reject|denied|refus|not allowed)"
        r"|(?:送信元|差出人|送信者)",
    ),
)
ADDRESS_AT_MAIL = Sign(
    Diagnosis.SENDER_WITHOUT_DOMAIN,
    r"fully[- ]qualified address|^[245]\.(?:1\.7|5\.4) invalid addr",
)
MACHINE = (
    Sign(
        Diagnosis.MACHINE_BLOCKED,
        r"block(?:ed|ing)? (?:using|by|list)|black ?list|spamhaus|barracuda|\brbl\b|dnsbl"
        r"|reputation|listed (?:at|in|on|by)|dynamic|residential|banned"
        r"|smtp server of your (?:isp|provider)",
        "7.511 7.606 7.708",
    ),
    Sign(Diagnosis.HELO_REFUSED, r"\b(?:helo|ehlo)\b|fully[- ]qualified (?:host|domain)"),
    Sign(
        Diagnosis.NO_REVERSE_DNS,
        r"cannot (?:find your|resolve your)|reverse (?:dns|lookup|host)|\brdns\b|\bptr\b"
        r"|ip name (?:lookup failed|possibly forged)",
        "7.25",
    ),
    Sign(
        Diagnosis.MACHINE_REFUSED,
        r"client (?:host|address|ip)|(?:host|network|ip address) (?:is )?not allowed"
        r"|your (?:ip|host) .*(?:not|den|refus|reject)|from your ip",
    ),
)

# -- Where it goes, and what is in it

# Exchange: a group that not everybody may write to. Neither sender nor login is at fault.
RESTRICTED = Sign(
    Diagnosis.RECIPIENT_REFUSED, r"resolver\.rst\.", "7.124 7.129 7.133 7.134 7.135", "5"
)
RECIPIENT = (
    Sign(
        Diagnosis.RECIPIENT_DOMAIN_UNKNOWN,
        r"(?:domain|host) (?:\S+ )?(?:not found|unknown|does not)|null ?mx",
        "556 1.2 1.10",
    ),
    Sign(
        Diagnosis.RECIPIENT_DISABLED,
        r"(?:mail ?box|account|user|recipient).*(?:disabled|inactive|suspended|frozen)"
        r"|disabled (?:recipient|mail ?box)|no longer (?:active|accepts)",
        "2.1",
        digits="5",
    ),
    Sign(
        Diagnosis.RECIPIENT_UNKNOWN,
        r"no such|(?:user|mailbox|recipient|address|account) (?:\S+ )?(?:unknown|not found)"
        r"|unknown (?:user|recipient|mailbox|address|local)|(?:does ?n.t|not) exist|no mailbox"
        r"|invalid (?:recipient|mailbox|user)|can.t accept user|mailbox unavailable|badrcptto"
        r"|not our (?:user|customer)|does ?n.t have an? .{0,40}account|no valid recip|存在しません",
        "1.1 1.6 4.1",
    ),
)
FILTER = Sign(
    Diagnosis.CONTENT_REFUSED,
    # Not Google's "to protect our users from spam", which it says of much else.
    r"(?<!from )(?<!amount of )\bspam\b|virus|malware|infected|phishing (?:mail|link|attempt)"
    r"|unsolicited|\bjunk\b|\burl\b|attachment|its content|迷惑メール|ウイルス",
)
