"""What servers have against where a mail comes from: the sender, this machine."""

from zaiond.smtp.diagnosis import Diagnosis
from zaiond.smtp.signs.sign import Sign

# RFC 7372, RFC 7489; Microsoft: 5.7.509, 5.7.515
DOMAIN_POLICY = (
    Sign(
        Diagnosis.SENDER_DOMAIN_POLICY,
        r"\bspf\b|\bdkim\b|dmarc|sender is unauthenticated|unauthenticated e?-?mail from"
        r"|authentication (?:information|checks|results)"
        r"|送信ドメイン認証|なりすまし",
        "7.20 7.21 7.22 7.23 7.24 7.26 7.509 7.515",
    ),
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
    # Postfix, Exchange and Microsoft 365
    Sign(
        Diagnosis.NOT_ALLOWED_AS_SENDER,
        r"not owned by|sendas|to send as\b|send as this|(?:sender|\bfrom(?: header| address)?:?) "
        r"(?:\S+ ){0,5}(?:does ?n.t|not) (?:match|belong)|sender.*not authori[sz]ed"
        r"|not (?:allowed|permitted|authori[sz]ed) to (?:send|use) .{0,30}\b(?:from|sender)"
        # "Mail from address must be same as authorization user", "From address is not one of yours"
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
ADDRESS_AT_MAIL = (
    Sign(
        Diagnosis.SENDER_WITHOUT_DOMAIN,
        r"fully[- ]qualified address|^[245]\.(?:1\.7|5\.4) invalid addr",
    ),
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
