"""What servers say of logins: one that is wanted, one that is refused."""

from zaiond.smtp.diagnosis import Diagnosis
from zaiond.smtp.signs.limits import TOO_MANY_CONNECTIONS
from zaiond.smtp.signs.sign import Sign

ENCRYPTION = Sign(  # RFC 4954 6: 538; RFC 5248: X.7.10, X.7.11
    Diagnosis.ENCRYPTION_WANTED,
    r"starttls|(?:\b(?:tls|ssl)\b|encrypt\w*|secure (?:connection|channel)) (?:\w+ ){0,3}"
    r"(?:required|needed|first|only|mandatory)|(?:requires?|must use|please use|\buse) (?:\w+ )"
    r"{0,2}(?:tls|ssl|encrypt\w*|secure)\b|暗号化|(?:tls|ssl).{0,6}必要",
    "523 538 7.10 7.11",
)
OAUTH = Sign(  # Microsoft 365: 550 5.7.30, 535 5.7.139
    Diagnosis.OAUTH_WANTED,
    r"basic auth\w* (?:is|has been) (?:disabled|not supported)|no longer supports? basic|oauth"
    r"|less secure app",
    "7.30",
    digits="5",
)
ACCOUNT_DISABLED = Sign(  # RFC 4954 6: 525 5.7.13
    Diagnosis.ACCOUNT_DISABLED,
    r"account.*(?:disabled|locked|suspended|inactive)|(?:disabled|locked) (?:account|user)"
    r"|user is locked",
    "7.13",
)
AUTH = (
    Sign(Diagnosis.TOO_MANY_CONNECTIONS, TOO_MANY_CONNECTIONS, digits="4"),
    Sign(Diagnosis.SMTP_AUTH_DISABLED, "smtpclientauthentication is disabled|smtp_auth_disabled"),
    # Google's 454 4.7.0, Postfix's 450 4.7.1 "too many AUTH commands", Yahoo's 535 5.7.0
    Sign(
        Diagnosis.TOO_MANY_LOGINS,
        r"too many (?:\w+ )*(?:log[io]n|auth|attempt|fail)|auth005|try(?:ing)? to log ?in too",
    ),
    ENCRYPTION,
    Sign(Diagnosis.TOKEN_LOGIN_REFUSED, digits="5", mechanism="XOAUTH2"),
    OAUTH,
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
    ACCOUNT_DISABLED,
    Sign(
        Diagnosis.MECHANISM_REFUSED,
        r"unrecognized auth|not advertised|mechanism.*(?:not|un)\w*|too weak",
        "500 501 502 503 504 5.1 5.2 5.4 7.4",
    ),
    Sign(Diagnosis.NTLM_REFUSED, digits="5", mechanism="NTLM"),
    Sign(Diagnosis.CRAM_MD5_REFUSED, digits="5", mechanism="CRAM-MD5"),
    Sign(
        Diagnosis.GOOGLE_REFUSED,
        digits="5",
        server=r"(?:^|\.)(?:gmail|google|googlemail)\.com\.?:",
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
LOGIN = (
    OAUTH,
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
    ENCRYPTION,
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
