"""The kinds of settings: each is one object that reads a value, writes it, and describes it.

Nothing here looks at a file: what a value leads to is asked of `Sources`. No sentence shows a text
that could be a secret.
"""

import json
import posixpath
import unicodedata
from typing import Any, get_args

from zaiond.config import full_width
from zaiond.config.scalar import choose, filled, written, wrong
from zaiond.config.scope import Settings, Sources
from zaiond.config.tree import Mapping, Node, Place, Scalar, Sequence
from zaiond.config.values import Secret
from zaiond.text import Text

# What other programs call it.
_MEANT = {
    "ssl": "tls",
    "smtps": "tls",
    "off": "none",
    "no": "none",
    "false": "none",
    "plain": "basic",
    "login": "basic",
    "jp": "ja",
    "us": "en",
}


class Kind:
    """A kind of setting.

    `form` says in a few words what may be written, and between which bounds; `tag` is what YAML
    takes it for; `listed`: it may be a list of such texts, too. A `secret` is never shown.
    `settings` is the class of the mapping, or of each mapping of a list, that it is.
    """

    form = Text("文字列", "text")
    tag = "str"
    listed = False
    secret = False
    settings: type[Settings] | None = None

    def read(self, node: Node) -> Any:
        """The value, as the rest of zaiond has it; raises WrongValueError."""
        raise NotImplementedError

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

    def bring(self, value: Any, sources: Sources) -> str:
        """The secret that the value leads to; raises SourceError."""
        raise NotImplementedError


class Line(Kind):
    """A text on one line."""

    def read(self, node: Node) -> str:
        return filled(node)


class Password(Kind):
    """A secret, written in the file itself."""

    secret = True

    def read(self, node: Node) -> Secret:
        return Secret(filled(node))


class _File(Line):
    form = Text("ファイル名", "file")

    def absolute(self, value: str, directory: str) -> str:
        return posixpath.join(directory, value)


class CertificateFile(_File):
    """A file with certificates."""

    def check(self, value: str, sources: Sources) -> None:
        sources.check_certificates(value)


class SecretFile(_File):
    """A file that holds nothing but a secret."""

    def bring(self, value: str, sources: Sources) -> str:
        return sources.secret_file(value)


class Command(Kind):
    """A program and its arguments."""

    form = Text("コマンドと引数のリスト", "list of a command and its arguments")

    def read(self, node: Node) -> tuple[str, ...]:
        if isinstance(node, Sequence) and node.elements:
            program, *arguments = node.elements
            for element in node.elements:
                if isinstance(element, Scalar) and not element.style:
                    slip = full_width.in_element(element.text)
                    if slip is not None:
                        raise wrong(*slip)
            return filled(program), *(written(argument) for argument in arguments)
        raise wrong(
            "コマンドと引数をリストで書いてください（例: [/usr/local/bin/get-token, zaion]）",
            "this must be a list, a command and its arguments, as "
            "[/usr/local/bin/get-token, zaion]",
        )

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
            raise wrong(
                f"書けるのは {names} です（{meant} ではありませんか）",
                f"this may be {names}: did you mean {meant}?",
            )
        raise wrong(f"書けるのは {names} です", f"this may be {names}")


class Switch(Kind):
    """Yes or no."""

    form = Text("true または false", "true or false")
    tag = "bool"

    def read(self, node: Node) -> bool:
        if isinstance(node, Scalar) and node.tag == self.tag:
            return node.text.lower() in ("true", "yes", "on")
        raise wrong(
            "true か false を、引用符を付けずに書いてください",
            "this must be true or false, without quotes",
        )

    def write(self, value: bool) -> str:
        return "true" if value else "false"


class Group(Kind):
    """A mapping of settings."""

    tag = "map"

    def __init__(self, settings: type[Settings]) -> None:
        self.settings: type[Settings] = settings

    def read(self, node: Node) -> Mapping:
        if isinstance(node, Mapping):
            return node
        raise wrong(
            "この下に、字下げした「項目: 値」の形で書いてください（「:」のあとには半角の空白が"
            "必要です）",
            "this must be settings as `key: value`, indented below it, with a space after the ':'",
        )


class ServerList(Kind):
    """A list of mail servers, each a mapping of settings."""

    form = Text("メールサーバーのリスト", "list of mail servers")
    tag = "seq"

    def __init__(self, settings: type[Settings]) -> None:
        self.settings: type[Settings] = settings

    def read(self, node: Node) -> Sequence:
        if isinstance(node, Sequence):
            return node
        raise wrong(
            "メールサーバーごとに「- 」で始まるリストにしてください"
            "（例: 「- host: mail2.example.co.jp」）",
            "this must be a list, each server begun with '- ', as `- host: mail2.example.co.jp`",
        )
