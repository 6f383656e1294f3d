"""What the dialogue of `zaiond-ctl setup` is given, asks to be done, and comes to."""

from dataclasses import dataclass, field

from zaiond.text import Text

AUTH = "mail_server.auth"
POP_BEFORE_SMTP = "mail_server.pop_before_smtp"


@dataclass(frozen=True, slots=True)
class Current:
    """What a setting is now: its text, '' where it has none; `locked` is why it can't be changed
    here. `proposed`: it isn't set, and taking it is a change. A secret's text is only "set"."""

    text: str = ""
    locked: Text | None = None
    proposed: bool = False


@dataclass(slots=True)
class Answers:
    """What is to be changed, by dotted key, as a file has it; `secrets` by the mapping of the login
    that they are for."""

    changes: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Say:
    """Lines to be shown."""

    text: str


@dataclass(frozen=True, slots=True)
class Ask:
    """A line to be read; a secret one is not shown. Answered by it, without its newline."""

    prompt: str
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Review:
    """What the configuration would be with the answers. Answered by a Reviewed."""

    answers: Answers


@dataclass(frozen=True, slots=True)
class Reviewed:
    """The errors that keep it from being taken, and the warnings, as lines."""

    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Try:
    """A test mail by the answers, to these addresses (none: the admins). Answered by its lines."""

    answers: Answers
    addresses: tuple[str, ...]
