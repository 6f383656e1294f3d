"""What a reader of the page is told of settings: of one with a field its label, of another where it
stands in the file. The sentences are the terminal's, which name keys; what places.Place is for
commands, this is for keys. Pure.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from zaiond.selftest.words import hint
from zaiond.setup import words as setup
from zaiond.setup.answers import AUTH, POP_BEFORE_SMTP
from zaiond.text import Language, Text
from zaiond.web.words import settings as words

_LABELS: dict[str, Text] = {
    **{one.key: one.label for one in setup.QUESTIONS},
    **words.LABELS,
    AUTH: setup.MECHANISM.label,
    POP_BEFORE_SMTP: setup.POP.label,
}
_CHOICES: dict[str, Mapping[str, Text]] = {
    setup.MECHANISM.key: setup.MECHANISMS,
    setup.POP.key: setup.SWITCH,
}
_ROOT = r"(?:mail_server|fallback_mail_servers\[\d+\])"
_LOGIN = rf"{_ROOT}\.(?:auth|pop_before_smtp)(?!\.?[a-z])"
_NAME = r"(?:mechanism|username|enabled|security|port|host|ca_file|password)"
_OF_LOGIN = {
    "ja": re.compile(rf"(?P<login>{_LOGIN}) の (?P<names>{_NAME})(?![a-z])"),
    "en": re.compile(rf"(?P<names>{_NAME}(?:(?:, | and ){_NAME})*) of (?P<login>{_LOGIN})"),
}
# Names by themselves; in English many of them are words, too.
_BARE = {
    "ja": re.compile(
        r"(?<![\w.:=\[「-])(?:mechanism|username|enabled|security|port|host|ca_file)(?![\w.:=@-])",
        re.ASCII,
    ),
    "en": re.compile(
        r"(?<!the )(?<![\w.:=-])(?:mechanism|username|`port`|enabled(?= (?:is|to)\b)"
        r"|security(?= (?:is|to|none|starttls|tls)\b))(?![\w.:=@-])"
    ),
}
_KEY = re.compile(
    rf"(?P<set>設定 )?(?:(?P<key>{_ROOT}(?:\.[a-z][a-z0-9_]*)+)"
    r"|(?<![\w.])(?<!the )(?P<top>sender|admins)(?![\w.@'-]))",
    re.ASCII,
)
# As a sentence beside a setting names those of another mapping.
_SHORT = re.compile(r"(?<![\w.])(?:auth\.(?=[a-z])|(?=allow_unprotected_password))", re.ASCII)
_SENTENCES = re.compile(r"(?<=。)|(?<=\. )")
_OF_SERVER = ("security", "port", "host", "ca_file")  # a login by SMTP has none of its own


def on_page(text: str, language: Language, within: str | None = None) -> str:
    """A sentence about settings as the page says it. `within` is of one that stands beside a
    setting: the key of its mapping, to which names without one belong.
    """
    whole = "".join(_with_keys(one, language, within or "") for one in _SENTENCES.split(text))
    in_file: dict[str, None] = {}

    def label(found: re.Match[str]) -> str:
        key = found["key"] or found["top"]
        if found["top"] and within is not None:
            return found[0]  # what is said beside a setting has "sender" as a word only
        if key not in _LABELS:
            in_file[key] = None
            return found[0]
        return words.field(label=_LABELS[key]).in_language(language)

    told = _KEY.sub(label, _with_choices(whole, language))
    if language == "ja":
        told = re.sub(r"」 (?=[ぁ-ん（、。])|(?<=[ぁ-ん]) (?=「)", lambda one: one[0].strip(), told)
    if not in_file:
        return told
    return words.in_file(text=told, lines=_lines(in_file, language)).in_language(language)


def both(text: Text, within: str | None = None) -> Text:
    """The same in each language."""
    return Text(on_page(text.ja, "ja", within), on_page(text.en, "en", within))


def advice(line: str, language: Language) -> str:
    """A line of what the self-test says. Causes have the server's own words in them and stay."""
    begin = hint(cause="", remedy="").in_language(language).splitlines()[1]
    if not line.startswith(begin):
        return line
    return begin + on_page(line.removeprefix(begin), language)


def _with_keys(sentence: str, language: Language, within: str) -> str:
    """A sentence with each setting by its whole key."""
    sentence = _SHORT.sub(f"{AUTH}.", sentence)
    logins = list(_OF_LOGIN[language].finditer(sentence))
    first = re.search(_LOGIN, sentence)
    context = logins[0]["login"] if logins else within or (first[0] if first else "")

    def whole(name: str, of: str) -> str:
        name = name.strip("`")
        of = POP_BEFORE_SMTP if name == "enabled" and not of else of or "mail_server"
        if name in _OF_SERVER and of.endswith(".auth"):
            of = of.removesuffix(".auth")
        if name in ("mechanism", "username") and not of.endswith((".auth", ".pop_before_smtp")):
            of = f"{of}.auth"
        return f"{of}.{name}"

    def listed(found: re.Match[str]) -> str:
        return re.sub(_NAME, lambda name: whole(name[0], found["login"]), found["names"])

    def bare(found: re.Match[str]) -> str:
        login_alone = found[0] in _OF_SERVER and not logins and not within
        return whole(found[0], "" if login_alone else context)

    return _BARE[language].sub(bare, _OF_LOGIN[language].sub(listed, sentence))


def _with_choices(text: str, language: Language) -> str:
    """The values of settings that are chosen on the page, by the words there."""
    for key, choices in _CHOICES.items():
        value = "(?:" + "|".join(map(re.escape, choices)) + r")(?![\w-])"
        between = {"ja": r" ?(?:を|が) ?", "en": r"(?: to| is|:)? "}[language]
        several = rf"{value}(?:(?: か |, | or ){value})*"
        form = re.compile(rf"({re.escape(key)}{between})({several})( ?)", re.ASCII)

        def named(one: re.Match[str], choices: Mapping[str, Text] = choices) -> str:
            return words.field(label=choices[one[0]]).in_language(language)

        def chosen(found: re.Match[str], value: str = value, named: Any = named) -> str:
            behind = "" if language == "ja" else found[3]
            return found[1] + re.sub(value, named, found[2]) + behind

        text = form.sub(chosen, text)
    return text


def _lines(keys: Iterable[str], language: Language) -> str:
    """Where settings stand in the file."""
    below: dict[str, list[str]] = {}
    for key in keys:
        *parents, last = key.split(".")
        line = words.file_line(name=last).in_language(language)
        below.setdefault(" ".join(f"{one}:" for one in parents), []).append(line)
    between = Text("、", ", ").in_language(language)
    return between.join(
        words.below(parent=parent, lines=between.join(lines)).in_language(language)
        for parent, lines in below.items()
    )
