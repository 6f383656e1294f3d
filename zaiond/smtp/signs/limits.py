"""What servers say when there is too much of something, or too many."""

from zaiond.smtp.diagnosis import Diagnosis
from zaiond.smtp.signs.sign import Sign

TOO_MANY_CONNECTIONS = (
    r"too many (?:\w+ )*(?:connections|sessions)|connection (?:rate )?limit|ports are busy"
    r"|(?:concurrent|simultaneous) (?:\w+ )*(?:connections|sessions)|thread limit"
)
BUSY = (  # Exchange: 432 4.3.2
    Sign(
        Diagnosis.RECIPIENT_BUSY,
        r"receiving mail (?:too quickly|at a rate)|recipient thread limit",
    ),
    Sign(Diagnosis.TOO_MANY_CONNECTIONS, TOO_MANY_CONNECTIONS, "432"),
)
TOO_MANY_MAILS = (
    Sign(
        Diagnosis.TOO_MANY_MAILS,
        r"too many (?:\w+ )*(?:messages|e?-?mails|transactions)\b(?!.*\b(?:hour|day|minute))",
    ),
)
# RFC 5321 4.5.3.1.10; Google's 451 4.3.0 "multiple destination domains per transaction"
TOO_MANY_RECIPIENTS = (
    Sign(
        Diagnosis.TOO_MANY_RECIPIENTS,
        r"too many (?:\w+ )*(?:recipients|rcpt)\b(?!.*\b(?:hour|day|minute))"
        r"|separate transaction|multiple destination domains",
        "5.3",
    ),
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
OWN_QUOTA = (
    Sign(Diagnosis.SENDER_MAILBOX_FULL, r"mail ?box.*full|full mail ?box"),
    Sign(Diagnosis.SENDING_LIMIT, "quota", "2.2"),
)
SIZE = (Sign(Diagnosis.TOO_BIG, codes="2.3 3.4"),)
SIZE_IN_WORDS = (
    Sign(
        Diagnosis.TOO_BIG,
        r"too (?:big|large)\b|databytes|size (?:\w+ ){0,3}(?:exceed|limit)|larger than"
        r"|exceed\w* (?:\w+ ){0,3}size",
    ),
)
ROOM = (
    Sign(
        Diagnosis.DISK_FULL,
        r"insufficient (?:system |disk )?(?:storage|space)|disk (?:is )?full|system (?:is )?full",
        "3.1",
    ),
)
MAILBOX = (
    Sign(
        Diagnosis.MAILBOX_FULL,
        r"quota|mail ?box.*(?:full|exceed)|full mail ?box|storage (?:allocation|limit|full)"
        r"|not enough (?:storage )?space|too much mail data|容量",
        "2.2",
    ),
)
GREYLISTED = (
    Sign(
        Diagnosis.GREYLISTED,
        r"gr[ae]y-?list|postgrey|try again in|come back (?:later|in)",
        digits="4",
    ),
)
