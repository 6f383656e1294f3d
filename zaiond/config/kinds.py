"""The kinds of settings: each is one object that reads a value, writes it, and describes it.

Nothing here looks at a file: what a value leads to is asked of `Sources`. No sentence shows a text
that could be a secret.
"""

import json
import posixpath
import re
import unicodedata
from typing import Any, get_args

from zaiond.config import words
from zaiond.config.outside import Sources
from zaiond.config.tree import Mapping, Node, Place, Scalar, Sequence
from zaiond.errors import MendableError
from zaiond.text import Text

_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,3})?(?:[smhdKMG]|/[smhd])?")
# Simple addresses, and NTLM's DOMAIN\user.
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*@[A-Za-z0-9.-]+|[\w.-]*\\[\w.@-]+")
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_NAME = re.compile(r"[\w-]{1,255}")
# What other programs call it.
_MEANT = {
    "ssl": "tls", "smtps": "tls", "off": "none", "no": "none", "false": "none", "plain": "basic",
    "login": "basic", "jp": "ja", "us": "en",
}  # fmt: skip


class Secret:
    """A text that is never shown: only `reveal()` gives it, and nothing else prints it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "Secret(********)"

    __str__ = __repr__

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")


class WrongValueError(MendableError):
    """A value can't be used; each of `texts` says why and what to write."""


def quoted(text: str) -> str:
    """A text as YAML may have it in any place: in a list, too."""
    if _PLAIN.fullmatch(text):
        return text
    if set(text) & set('"\\'):
        return "'" + text.replace("'", "''") + "'"
    return f'"{text}"'


def choose(name: str, names: list[str]) -> str | None:
    """The one of `names` that was probably meant by `name`, if any comes near."""
    from difflib import get_close_matches  # only for a user who misspelt something

    found = get_close_matches(name.lower().replace("-", "_"), names, 1, 0.6)
    return found[0] if found else None


def text_of(node: Node) -> str:
    """The text of a scalar that is text; raises WrongValueError."""
    if not isinstance(node, Scalar):
        raise WrongValueError(words.NO_TEXT)
    if node.tag in ("int", "float"):
        raise WrongValueError(words.READ_AS_NUMBER)
    if node.tag != "str":
        raise WrongValueError(words.READ_AS_OTHER)
    return node.text


def written(node: Node) -> str:
    """The same, on one line and without signs that nobody sees; raises WrongValueError."""
    text = text_of(node)
    for sign in text:
        if unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") or sign in _BIDI:
            raise WrongValueError(words.control_sign(code=ord(sign)))
    return text


def filled(node: Node) -> str:
    """The same, if there is more than blanks in it; raises WrongValueError."""
    text = written(node)
    if not text.strip():
        raise WrongValueError(words.EMPTY)
    return text


def refuse_full_width(text: str) -> None:
    """Raises WrongValueError where a text is ASCII but for its width."""
    narrow = unicodedata.normalize("NFKC", text)
    if text.isascii() or not narrow.isascii():
        return
    if _NUMBER.fullmatch(narrow):  # no secret
        raise WrongValueError(words.full_width_number(narrow=narrow))
    raise WrongValueError(words.FULL_WIDTH)


class Kind:
    """A kind of setting; this one is a text on one line.

    `form` says in a few words what may be written, and between which bounds; `tag` is what YAML
    takes it for; `listed`: it may be a list of such texts, too. A `secret` is never shown.
    `settings` is the class of the mapping, or of each mapping of a list, that it is. `default` is
    what YAML writes where a setting has no default of its own. `null_counts`: null is a value,
    None, and doesn't only take away what was written before.
    """

    form = Text("文字列", "text")
    tag = "str"
    listed = False
    secret = False
    default = "null"
    settings: type[Any] | None = None
    null_counts = False

    def read(self, node: Node) -> Any:
        """The value, as the rest of zaiond has it; raises WrongValueError."""
        return filled(node)

    def parse(self, text: str) -> Any:
        """The value of a text that was typed, not read from a file; raises WrongValueError."""
        return self.read(Scalar(Place("", 1, 1), self.tag, text))

    def write(self, value: Any) -> str:
        """The value as a file has it, without quotes."""
        return str(value)

    def absolute(self, value: Any, directory: str) -> Any:  # noqa: ARG002 (some kinds need it)
        """The value, which is written in a file of `directory`, wherever it is used."""
        return value

    def check(self, value: Any, sources: Sources) -> None:
        """Sees that what the value leads to can be used; raises SourceError."""


class Password(Kind):
    """A secret, written in the file itself."""

    secret = True

    def read(self, node: Node) -> Secret:
        return Secret(filled(node))


class File(Kind):
    """The name of a file."""

    form = Text("ファイル名", "file")

    def absolute(self, value: str, directory: str) -> str:
        return posixpath.join(directory, value)


class CertificateFile(File):
    """A file with certificates."""

    def check(self, value: str, sources: Sources) -> None:
        sources.check_certificates(value)


class Command(Kind):
    """A program and its arguments."""

    form = Text("コマンドと引数のリスト", "list of a command and its arguments")

    def read(self, node: Node) -> tuple[str, ...]:
        if isinstance(node, Sequence) and node.elements:
            program, *arguments = node.elements
            scalars = [each for each in node.elements if isinstance(each, Scalar)]
            if set("，、") & {sign for each in scalars if not each.style for sign in each.text}:
                raise WrongValueError(words.COMMA)
            return filled(program), *(written(argument) for argument in arguments)
        raise WrongValueError(words.NO_COMMAND)

    def write(self, value: tuple[str, ...]) -> str:
        return json.dumps(value, ensure_ascii=False)

    def absolute(self, value: tuple[str, ...], directory: str) -> tuple[str, ...]:
        program, *arguments = value
        if "/" in program:  # else it is a name to be looked for
            program = posixpath.join(directory, program)
        return program, *arguments

    def check(self, value: tuple[str, ...], sources: Sources) -> None:
        sources.check_program(value[0])


class Choice(Kind):
    """One of a few words, which are those of the `Literal` type that it has."""

    def __init__(self, literal: Any) -> None:
        self.choices: tuple[str, ...] = get_args(literal)
        self.form = Text("、".join(self.choices), ", ".join(self.choices))

    def read(self, node: Node) -> str:
        text = node.text if isinstance(node, Scalar) and node.tag in ("str", "bool") else ""
        if text in self.choices:
            return text
        name = unicodedata.normalize("NFKC", text).lower()
        meant = _MEANT.get(name) or choose(name, list(self.choices))
        names = self.form.en
        if meant in self.choices:
            raise WrongValueError(words.may_be_meant(names=names, meant=meant))
        raise WrongValueError(words.may_be(names=names))


class Switch(Kind):
    """Yes or no."""

    form = Text("true または false", "true or false")
    tag = "bool"

    def read(self, node: Node) -> bool:
        if isinstance(node, Scalar) and node.tag == self.tag:
            return node.text.lower() in ("true", "yes", "on")
        raise WrongValueError(words.NO_SWITCH)

    def write(self, value: bool) -> str:
        return "true" if value else "false"


class Group(Kind):
    """A mapping of settings."""

    tag = "map"
    default = "{}"

    def __init__(self, settings: type[Any]) -> None:
        self.settings: type[Any] = settings

    def read(self, node: Node) -> Mapping:
        if isinstance(node, Mapping):
            return node
        raise WrongValueError(words.NO_MAPPING)

    def parse(self, text: str) -> Any:  # noqa: ARG002 (it is the default's)
        return self.settings()


class Named(Kind):
    """A mapping of mappings of settings, each with a name of the user's own."""

    tag = "map"
    default = "{}"

    def __init__(self, settings: type[Any]) -> None:
        self.settings: type[Any] = settings

    def read(self, node: Node) -> Mapping:
        if isinstance(node, Mapping):
            return node
        raise WrongValueError(words.NO_NAMES)

    def parse(self, text: str) -> Any:  # noqa: ARG002 (it is the default's)
        return {}


def name_key(name: str) -> str:
    """A name of the user's own as a part of a dotted key."""
    if _NAME.fullmatch(name):
        return name
    return json.dumps(name, ensure_ascii=not name.isprintable())


class Below(Kind):
    """Settings that are written flat: each of the setting's own name, a dot, and a name of the
    user's own, as `data.host`. The value is those keys with what `each` reads."""

    default = "{}"

    def __init__(self, each: Kind) -> None:
        self.each = each
        self.form = each.form

    def write(self, value: Any) -> str:
        return "; ".join(f"{key}: {self.each.write(each)}" for key, each in value) or "{}"

    def parse(self, text: str) -> Any:  # noqa: ARG002 (it is the default's)
        return ()


def is_below(key: str, name: str) -> bool:
    """Whether the key is one of a setting `name` that is of the kind Below."""
    return key.startswith(f"{name}.") and all(key.split(".")) and key.isprintable()


class ServerList(Kind):
    """A list of mail servers, each a mapping of settings."""

    form = Text("メールサーバーのリスト", "list of mail servers")
    tag = "seq"
    default = "[]"

    def __init__(self, settings: type[Any]) -> None:
        self.settings: type[Any] = settings

    def read(self, node: Node) -> Sequence:
        if isinstance(node, Sequence):
            return node
        raise WrongValueError(words.NO_SERVERS)

    def parse(self, text: str) -> Any:  # noqa: ARG002 (it is the default's)
        return ()
