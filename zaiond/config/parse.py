"""YAML texts to a `Config`, or every error with its place.

The files' trees are merged (`tree`), each value is converted by its setting's declaration
(`schema`, `convert`), and what holds between settings is checked (`rules`). Whatever lies outside
of the texts (secret files, credentials, permissions) is asked of a `Sources`.
"""

import json
import posixpath
from collections.abc import Sequence as Texts
from dataclasses import dataclass, replace
from typing import Any, Protocol

from zaiond.config import convert, keys, pop_rules, rules, values
from zaiond.config.keys import dotted
from zaiond.config.mail_server import PASSWORDS
from zaiond.config.oauth2 import CLIENT_SECRETS, SECRETS, oauth2_faults
from zaiond.config.scalar import WrongValueError, quoted
from zaiond.config.schema import (
    Auth,
    Config,
    Declaration,
    MailServer,
    PopBeforeSmtp,
    Queue,
    declarations,
)
from zaiond.config.tree import Entry, Mapping, Place, merge
from zaiond.config.values import Secret
from zaiond.config.yaml import read
from zaiond.errors import ConfigError, Diagnostic, ZaiondError
from zaiond.text import Text


class SourceError(ZaiondError):
    """A secret, a certificate or a permission is not as it must be.

    `missing`: the file isn't there; `unchecked`: it can't be known here, which is a warning.
    """

    def __init__(self, text: Text, *, missing: bool = False, unchecked: bool = False) -> None:
        super().__init__(text)
        self.missing = missing
        self.unchecked = unchecked


class Sources(Protocol):
    """What the settings refer to. Each raises SourceError; paths are absolute."""

    def secret_file(self, path: str) -> str:
        """The secret in a file, without its last newline."""

    def credential(self, name: str) -> str:
        """The secret that systemd brought, without its last newline."""

    def check_certificates(self, path: str) -> None:
        """Sees that the file holds certificates in PEM."""

    def check_program(self, program: str) -> None:
        """Sees that there is such a program: an absolute path, or a name to be looked for."""

    def check_permissions(self, file: str) -> None:
        """Sees that a YAML file that holds a secret is read by nobody else."""


@dataclass(frozen=True, slots=True)
class YamlText:
    """One file: `name` is how errors name it; relative paths start at `directory` (absolute)."""

    name: str
    directory: str
    text: str


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting in force as it is shown: secrets masked, `file` None where it is a default."""

    key: str
    value: str
    file: str | None
    line: int | None


@dataclass(frozen=True, slots=True)
class Parsed:
    """`config` is None exactly if there are errors; both lists are in the order of the files."""

    config: Config | None
    errors: tuple[Diagnostic, ...]
    warnings: tuple[Diagnostic, ...]
    settings: tuple[Setting, ...]


def parse(texts: Texts[YamlText], sources: Sources, *, incomplete: bool = False) -> Parsed:
    """The configuration of `texts`, the main file first, later ones on top of it.

    `incomplete` says that a file could not even be read: what seems to be missing may be in it.
    """
    found: list[Diagnostic] = []
    tree = Mapping(Place(texts[0].name if texts else "", 1, 1), {})
    for each in texts:
        try:
            top, problems = read(each.name, each.text)
        except ConfigError as error:
            found += error.diagnostics
            incomplete = True
            continue
        found += problems
        found += keys.unknown(top)
        tree = merge(tree, top)
    directories = {each.name: each.directory for each in texts}
    walk = _Walk(sources, directories, incomplete, found)
    config = walk.config(tree)
    order = {each.name: number for number, each in enumerate(texts)}
    errors = _sorted(found, order)
    if config is not None and not errors:
        walk.warnings += rules.warnings(config, walk.places)
    return Parsed(
        config=None if errors else config,
        errors=errors,
        warnings=_sorted(walk.warnings, order),
        settings=tuple(walk.settings),
    )


def _sorted(found: list[Diagnostic], order: dict[str, int]) -> tuple[Diagnostic, ...]:
    unique = dict.fromkeys(found)
    return tuple(sorted(unique, key=lambda d: (order.get(d.file, 0), d.line, d.column, d.key)))


class _Walk:
    """Goes through the merged tree by the declarations, collecting values, errors and origins."""

    def __init__(
        self,
        sources: Sources,
        directories: dict[str, str],
        incomplete: bool,
        errors: list[Diagnostic],
    ) -> None:
        self.warnings: list[Diagnostic] = []
        self.settings: list[Setting] = []
        self.places: rules.Places = {}
        self._sources = sources
        self._directories = directories
        self._incomplete = incomplete
        self._errors = errors

    def config(self, tree: Mapping) -> Config | None:
        """The configuration; None where a required setting has no valid value."""
        self.places[""] = tree.place
        found = self._values(tree, Config, (), tree.place)
        if not all(name in found for name in ("mail_server", "admins")):
            return None
        return Config(**found)

    def _values(
        self, mapping: Mapping, kind: type, path: tuple[str, ...], place: Place
    ) -> dict[str, Any]:
        """The valid values of a mapping's settings; `place` is where a missing one is missed."""
        found: dict[str, Any] = {}
        for name, declared in declarations(kind).items():
            entry = mapping.entries.get(name)
            within = (*path, name)
            if declared.mapping is not None and declared.kind == "mapping":
                self._mapping(entry, declared, within, place, found)
            elif declared.kind == "servers":
                self._servers(entry, declared, within, found)
            else:
                self._single(entry, declared, within, place, found)
        return found

    def _mapping(
        self,
        entry: Entry | None,
        declared: Declaration,
        path: tuple[str, ...],
        place: Place,
        found: dict[str, Any],
    ) -> None:
        assert declared.mapping is not None  # noqa: S101 (the caller saw to it)
        tree = Mapping(place, {})
        if entry is not None:
            place = entry.place
            self.places[dotted(path)] = place
            try:
                tree, _ = convert.checked(entry.value, declared)
            except WrongValueError as error:
                self._wrong(place, path, error)
                return
        below = self._values(tree, declared.mapping, path, place)
        built = self._build(declared.mapping, below, path)
        if built is not None:
            found[path[-1]] = built

    def _servers(
        self,
        entry: Entry | None,
        declared: Declaration,
        path: tuple[str, ...],
        found: dict[str, Any],
    ) -> None:
        key = dotted(path)
        if entry is None:
            self.settings.append(Setting(key, "[]", None, None))
            return
        self.places[key] = entry.place
        try:
            sequence, _ = convert.checked(entry.value, declared)
        except WrongValueError as error:
            self._wrong(entry.place, path, error)
            return
        if not sequence.elements:
            self.settings.append(Setting(key, "[]", entry.place.file, entry.place.line))
        servers = []
        for number, element in enumerate(sequence.elements):
            within = (*path[:-1], f"{path[-1]}[{number}]")
            self.places[dotted(within)] = element.place
            if not isinstance(element, Mapping):
                self._error(element.place, dotted(within), _NOT_A_SERVER)
                continue
            tree = merge(Mapping(element.place, {}), element)  # drops what is null
            below = self._values(tree, MailServer, within, element.place)
            servers.append(self._build(MailServer, below, within))
        if all(servers):
            found[path[-1]] = tuple(servers)

    def _build(self, kind: type, found: dict[str, Any], path: tuple[str, ...]) -> Any:
        """The object of a mapping, or None where a required setting is not there."""
        if kind is Auth:
            self._bring_password(found, path, needed=found.get("mechanism", "none") != "none")
            if "oauth2" in found:
                self._bring_oauth2(found, path)
        if kind is PopBeforeSmtp:
            self._bring_password(found, path, needed=found.get("enabled", False))
        if kind is MailServer and "host" not in found:
            return None
        if kind is MailServer:
            return self._mail_server(MailServer(**found), path)
        built = kind(**found)
        if isinstance(built, Queue) and not self._incomplete:
            wrong = {name for name in _QUEUE if f"queue.{name}" in self.places} - found.keys()
            for key, text in rules.queue_faults(built, self.places, wrong):
                self._error(self.places[key], key, text)
        return built

    def _mail_server(self, server: MailServer, path: tuple[str, ...]) -> MailServer:
        """The server, seen to have what its POP before SMTP needs of its `auth`."""
        key, auth = dotted(path), server.auth
        if auth.password is None and pop_rules.inherits_password(server, key, self.places):
            found = {name: each for name in PASSWORDS if (each := getattr(auth, name))}
            self._bring_password(found, (*path, "auth"), needed=True)
            server = replace(server, auth=replace(auth, password=found.get("password")))
        if not self._incomplete:
            for at, about, text in pop_rules.faults(server, key, self.places):
                self._error(self.places[at], about, text)
        return server

    def _single(
        self,
        entry: Entry | None,
        declared: Declaration,
        path: tuple[str, ...],
        place: Place,
        found: dict[str, Any],
    ) -> None:
        key = dotted(path)
        if entry is None or entry.value.is_null:
            if declared.required:
                if not self._incomplete:
                    self._error(place, key, MISSING)
            elif declared.by_port is not None:
                found[path[-1]] = declared.by_port(found.get("port", 0))
                self._show(key, found[path[-1]], None)
            else:
                self._show(key, declared.default, None)
            return
        self.places[key] = entry.place
        if declared.kind == "secret":
            self._permissions(entry.place, key)
        try:
            value, slips = convert.checked(entry.value, declared)
        except WrongValueError as error:
            self._wrong(entry.place, path, error)
            return
        for text in slips:
            self._report(self.warnings, entry.place, key, text)
        if declared.kind == "command":
            value = self._program(value, entry.place, path)
        if declared.kind == "file":
            value = posixpath.join(self._directories[entry.place.file], value)
            self._certificates(value, entry.place, path)
        found[path[-1]] = value
        self._show(key, _written(value, declared), entry.place)

    def _certificates(self, path: str, place: Place, within: tuple[str, ...]) -> None:
        if within[-1] == "ca_file":
            try:
                self._sources.check_certificates(path)
            except SourceError as error:
                self._error(place, dotted(within), error.text)

    def _program(
        self, command: tuple[str, ...], place: Place, within: tuple[str, ...]
    ) -> tuple[str, ...]:
        """The command with its program's path, where it isn't a bare name, made absolute."""
        program, *arguments = command
        if "/" in program:
            program = posixpath.join(self._directories[place.file], program)
        try:
            self._sources.check_program(program)
        except SourceError as error:
            self._error(place, dotted(within), error.text)
        return program, *arguments

    def _permissions(self, place: Place, key: str) -> None:
        try:
            self._sources.check_permissions(place.file)
        except SourceError as error:
            self._error(place, key, error.text)

    def _bring_password(
        self, found: dict[str, Any], path: tuple[str, ...], *, needed: bool
    ) -> None:
        """Sets `password` in the valid settings of a login, from where it is kept.

        Where it isn't `needed`, a missing file may be made later, together with the login.
        """
        if not self._incomplete:
            for at, key, text in rules.auth_faults(found, dotted(path), self.places):
                self._error(self.places[at], key, text)
        if sum(name in found for name in PASSWORDS) > 1:
            return
        sources = self._sources
        for name, bring in (
            ("password_file", sources.secret_file),
            ("password_credential", sources.credential),
        ):
            key = dotted((*path, name))
            if name not in found:
                continue
            try:
                found["password"] = Secret(bring(found[name]))
            except SourceError as error:
                if error.missing and not needed:
                    continue
                to = self.warnings if error.unchecked else self._errors
                self._report(to, self.places[key], key, error.text)
        for at, key, text in rules.saslprep_faults(found, dotted(path), self.places):
            self._error(self.places[at], key, text)

    def _bring_oauth2(self, found: dict[str, Any], path: tuple[str, ...]) -> None:
        """Sees to `oauth2` in the valid settings of a login, and sets its secrets."""
        within = (*path, "oauth2")
        under = dotted(within) + "."
        written = [key.removeprefix(under) for key in self.places if key.startswith(under)]
        wanted = found.get("mechanism", "none") == "xoauth2"
        if not self._incomplete:
            home = dotted(within) if dotted(within) in self.places else dotted(path)
            for at, name, text in oauth2_faults(found["oauth2"], written, wanted=wanted):
                key = under + name if name else dotted(within)
                self._error(self.places[under + at if at else home], key, text)
        if sum(name in written for name in CLIENT_SECRETS) > 1:
            return
        for name in SECRETS:
            value = getattr(found["oauth2"], name)
            if value is None:
                continue
            secret, _, kind = name.rpartition("_")
            bring = self._sources.credential if kind == "credential" else self._sources.secret_file
            try:
                brought = {secret: Secret(bring(value))}
            except SourceError as error:
                if wanted or not error.missing:
                    to = self.warnings if error.unchecked else self._errors
                    self._report(to, self.places[under + name], under + name, error.text)
            else:
                found["oauth2"] = replace(found["oauth2"], **brought)

    def _show(self, key: str, value: str, place: Place | None) -> None:
        file, line = (place.file, place.line) if place else (None, None)
        self.settings.append(Setting(key, value, file, line))

    def _wrong(self, place: Place, path: tuple[str, ...], error: WrongValueError) -> None:
        for text in error.told(lambda value: f"{path[-1]}: {quoted(value)}"):
            self._error(place, dotted(path), text)

    def _error(self, place: Place, key: str, text: Text) -> None:
        self._report(self._errors, place, key, text)

    def _report(self, to: list[Diagnostic], place: Place, key: str, text: Text) -> None:
        to.append(Diagnostic(place.file, place.line, place.column, key, text))


_QUEUE = tuple(declarations(Queue))
MISSING = Text(
    ja="設定がありません。必ず設定してください",
    en="this is missing: it must be set",
)
_NOT_A_SERVER = Text(
    ja="メールサーバーごとに「- host: mail2.example.co.jp」の形で書いてください",
    en="each server must be settings, as `- host: mail2.example.co.jp`",
)


def _written(value: Any, declared: Declaration) -> str:
    """A value as a file would write it; a secret masked."""
    if isinstance(value, Secret):
        return "********"
    if isinstance(value, bool):
        return "true" if value else "false"
    if declared.kind == "size":
        return values.write_size(value)
    if isinstance(value, float):
        return values.write_duration(value)
    if isinstance(value, values.Rate):
        return values.write_rate(value)
    if declared.kind == "command":
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, tuple):
        return ", ".join(value)
    return str(value)
