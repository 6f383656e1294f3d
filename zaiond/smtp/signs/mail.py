"""What servers have against where a mail goes, and what is in it."""

from zaiond.smtp.diagnosis import Diagnosis
from zaiond.smtp.signs.sign import Sign

# Exchange: a group that not everybody may write to. Neither sender nor login is at fault.
RESTRICTED = (
    Sign(Diagnosis.RECIPIENT_REFUSED, r"resolver\.rst\.", "7.124 7.129 7.133 7.134 7.135", "5"),
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
FILTERS = (
    Sign(
        Diagnosis.CONTENT_REFUSED,
        # Not Google's "to protect our users from spam", which it says of much else.
        r"(?<!from )(?<!amount of )\bspam\b|virus|malware|infected|phishing (?:mail|link|attempt)"
        r"|unsolicited|\bjunk\b|\burl\b|attachment|its content|迷惑メール|ウイルス",
    ),
)
