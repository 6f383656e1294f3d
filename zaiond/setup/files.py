"""The files behind `zaiond-ctl setup`: what is in them, what they would be, and how they get there.

The text is changed by config.edit, and parsed by the daemon's own parser before anything is
written. Everything is written whole or not at all, the main file last.
"""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import replace

from zaiond.atomicfile import Owner, Replacement, free_name, owner
from zaiond.config.access import READ, daemon_identity, may
from zaiond.config.auth import PASSWORDS
from zaiond.config.edit import EditError, change, is_shared
from zaiond.config.load import Loaded, for_us_alone, load, load_files, with_secrets
from zaiond.config.sources import MAX_SECRET, MAX_YAML, Files
from zaiond.config.words import too_large
from zaiond.config.yaml import read
from zaiond.errors import Diagnostic, ZaiondError
from zaiond.setup import words
from zaiond.setup.answers import AUTH, POP_BEFORE_SMTP, Answers, Current
from zaiond.text import Language, Text

_ASKED = (*words.QUESTIONS, words.USERNAME, words.POP_USERNAME)
_LOGINS = (AUTH, POP_BEFORE_SMTP)
_PROPOSED = {words.HOST.key: "mailhost"}  # as on the page
_SECRET_FILE = {AUTH: "smtp-password", POP_BEFORE_SMTP: "pop-password"}


class SetupError(ZaiondError):
    """The configuration can't be edited, or its files can't be written."""


class ChangedMeanwhileError(SetupError):
    """Someone else changed the files since they were read: nothing was written."""


class Settings:
    """The configuration as it was when this was made; `errors` are those that no answer can mend.

    `credentials` is the directory of systemd's credentials. Raises SetupError, and PermissionError
    with the path, where it can't be edited.
    """

    def __init__(self, path: str, language: Language, credentials: str | None = None) -> None:
        self.main = os.path.abspath(path)
        self.is_new = not os.path.lexists(self.main)
        self._language: Language = language
        self._credentials = credentials
        self._directory = os.path.dirname(self.main)
        directory = os.path.dirname(os.path.realpath(self.main))
        if not os.path.isdir(directory):
            raise SetupError(words.no_directory(directory=directory))
        if not os.access(directory, os.W_OK | os.X_OK):
            raise _not_permitted(self.main)
        self._found = load(self.main, self._credentials, credentials_optional=True)
        self._files = self._found.files
        self._loaded = self._found
        if self.is_new:
            files = self._files
            texts = {**files.texts, self.main: words.FILE_HEAD.in_language(language)}
            self._files = Files(self.main, (self.main, *files.yaml), texts)
            self._loaded = self._parsed(self._files)
        asked = {question.key for question in _ASKED}
        asked |= {f"{login}.{name}" for login in _LOGINS for name in PASSWORDS}
        self.errors = tuple(e for e in self._loaded.errors if e.key not in asked)
        self.warnings = self._loaded.warnings
        self._settings = {s.key: s for s in self._loaded.settings if s.file is not None}
        self._defaults = {s.key: s.value for s in self._loaded.settings}

    @property
    def mendable(self) -> tuple[Diagnostic, ...]:
        """The errors that answers can mend; none of a file that is not there yet."""
        if self.is_new:
            return ()
        return tuple(e for e in self._loaded.errors if e not in self.errors)

    @property
    def revision(self) -> str:
        """A word for the files as they are on disk now, another one after each change. It is made
        of what the directory says of them, and tells nothing of what is in them."""
        seen: list[tuple[str, int, int, int] | str] = []
        for path in sorted({self.main, *self._found.files.texts}):
            try:
                found = os.stat(path)
            except OSError:
                seen.append(path)
            else:
                seen.append((path, found.st_ino, found.st_mtime_ns, found.st_size))
        return hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:32]

    @property
    def current(self) -> dict[str, Current]:
        """What the dialogue has to know, by dotted key."""
        found = {question.key: self._current(question.key) for question in _ASKED}
        for login in _LOGINS:
            found[f"{login}.password"] = self._current_secret(login)
        user, password = (f"{POP_BEFORE_SMTP}.{name}" for name in ("username", "password"))
        if not found[user].text:  # interface 2: the default is auth's
            lent = found[words.USERNAME.key]
            found[user] = lent._replace(locked=found[user].locked, lent=True)
            if not found[password].text:
                lent = found[f"{AUTH}.password"]
                found[password] = lent._replace(locked=found[password].locked, lent=True)
        return found

    def _current(self, key: str) -> Current:
        default = self._defaults.get(key, "false" if key == words.POP.key else "")
        if key not in self._settings and key in _PROPOSED:
            return Current(_PROPOSED[key], proposed=True)
        return Current("" if default == "null" else default, self._lock(key))

    def _current_secret(self, login: str) -> Current:
        name, value = self._secret_at(login)
        if name == "password_file":
            return Current("set" if value in self._files.texts or os.path.lexists(value) else "")
        if name == "password_credential":
            return Current("set", words.is_credential(name=value))
        return Current("set" if name else "", self._lock(f"{login}.{name}") if name else None)

    def _secret_at(self, login: str) -> tuple[str, str]:
        """The setting that has a login's secret, and its value; '' if there is none."""
        for name in PASSWORDS:
            setting = self._settings.get(f"{login}.{name}")
            if setting is not None:
                return name, setting.value
        return "", ""

    def _lock(self, key: str) -> Text | None:
        setting = self._settings.get(key)
        if setting is None:
            return None
        where = f"{setting.file}:{setting.line}"
        if setting.file != self.main:
            return words.in_other_file(where=where)
        if is_shared(read(self.main, self._files.texts[self.main])[0], key):
            return words.by_alias(where=where)
        return None

    def candidate(self, answers: Answers) -> Loaded:
        """What the configuration would be. Raises EditError."""
        changes = dict(answers.changes)
        texts = dict(self._files.texts)
        for login, secret in answers.secrets.items():
            name, file = self._secret_at(login)
            if name == "password":
                changes[f"{login}.password"] = secret
                continue
            if not name:
                file = free_name(os.path.join(self._directory, _SECRET_FILE[login]), "-")
                changes[f"{login}.password_file"] = os.path.basename(file)
            texts[file] = _bounded(f"{secret}\n", MAX_SECRET, file, f"{login}.password")
        if self.is_new and self._language == "en":
            changes["language"] = "en"  # as we speak; the default is ja
        text = change(self.main, texts[self.main], changes)
        texts[self.main] = _bounded(text, MAX_YAML, self.main, "")
        loaded = self._parsed(replace(self._files, texts=texts))
        # What a drop-in removes or replaces is not changed by the main file.
        origin = {setting.key: setting.file for setting in loaded.settings}
        wrong = {error.key for error in loaded.errors}
        for key in changes:
            if origin.get(key) != self.main and (loaded.config is not None or key in wrong):
                others = ", ".join(self._files.yaml[1:])
                raise EditError(words.overruled(key=key, others=others), key)
        return replace(loaded, errors=tuple(map(self._as_found(answers), loaded.errors)))

    def _as_found(self, answers: Answers) -> Callable[[Diagnostic], Diagnostic]:
        """Of a secret's file that no answer replaces, the disk said why it can't be used."""
        files = {f"{login}.password_file" for login in _LOGINS if login not in answers.secrets}
        found = {error.key: error for error in self._found.errors if error.key in files}
        return lambda error: found.get(error.key, error)

    def _parsed(self, files: Files) -> Loaded:
        return load_files(files, self._credentials, credentials_optional=True)

    def write(self, candidate: Loaded) -> list[str]:
        """Puts the candidate's files in place; gives the paths of those that are new or changed.

        Raises SetupError or PermissionError; then nothing was changed, but perhaps a secret's file
        where a path can't be replaced although its directory can be written (chattr +i).
        """
        new = candidate.files.texts
        changed = [path for path, text in new.items() if text != self._found.files.texts.get(path)]
        changed.sort(key=lambda path: path == self.main)  # secrets first: the file names them
        with _alone(os.path.dirname(os.path.realpath(self.main))):
            again = load(self.main, self._credentials, credentials_optional=True)
            if again.files != self._found.files:
                raise ChangedMeanwhileError(words.CHANGED_MEANWHILE)
            self._put_in_place(changed, candidate.files)
        return changed

    def _put_in_place(self, changed: list[str], files: Files) -> None:
        new, secret = files.texts, with_secrets(files)
        ready: list[tuple[str, Replacement]] = []
        path = self.main
        try:
            for path in changed:
                target = os.path.realpath(path)
                owned = _owner(target)
                if path in secret:  # which the daemon would refuse if others could read it
                    owned = for_us_alone(owned, self.main)
                ready.append((path, Replacement(target, new[path].encode(), owned)))
            while ready:
                path, replacement = ready.pop(0)
                replacement.take_place()
        except PermissionError:
            raise _not_permitted(path) from None
        except OSError as error:  # of its file beside it, perhaps, whose name says nothing
            raise SetupError(words.unwritable(path=path, why=error)) from None
        finally:
            for _, left in ready:
                left.discard()


def _bounded(text: str, most: int, path: str, key: str) -> str:
    """The text, if the daemon reads a file that is so long. Raises EditError."""
    if len(text.encode()) > most:
        raise EditError(too_large(path=path, kib=most // 1024), key)
    return text


@contextlib.contextmanager
def _alone(directory: str) -> Iterator[None]:
    """Two who update at the same time do it one after the other."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _not_permitted(path: str) -> PermissionError:
    return PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)


def _owner(path: str) -> Owner:
    """As it is, if the daemon can read it; else, and of a new file, root:zaiond 0640."""
    daemon = daemon_identity()  # None where it isn't installed as a service
    try:
        found = owner(os.stat(path))
    except FileNotFoundError:
        return Owner(os.geteuid(), daemon.gid if daemon else os.getegid(), 0o640)
    if daemon is None or may(daemon, READ, found):
        return found
    return Owner(found.uid, daemon.gid, 0o640)
