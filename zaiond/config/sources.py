"""Reading what the configuration is made of: YAML files, secrets, certificates, permissions."""

import errno
import os
import shlex
import stat
from dataclasses import dataclass, field

from zaiond.config import japanese, words
from zaiond.config.access import SEARCH, Identity, exposed, refusal
from zaiond.config.outside import SourceError
from zaiond.text import Text

MAX_YAML = 1024 * 1024
MAX_SECRET = 64 * 1024
MAX_TEMPLATE = 256 * 1024
MAX_CERTIFICATES = 4 * 1024 * 1024
PROGRAMS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"  # for a bare name


@dataclass(frozen=True, slots=True)
class Files:
    """The texts that made a configuration: what is kept as the last good one.

    `main` is the main file's path, `yaml` the paths of all YAML files in their order, `texts` the
    texts by path: theirs, and those of secret files and of certificates. Paths are absolute.
    """

    main: str
    yaml: tuple[str, ...]
    texts: dict[str, str] = field(repr=False)


class _Installed:
    """What of Python is installed beside zaiond."""

    def check_fleet(self) -> None:
        from importlib.util import find_spec  # only for a user who has a fleet

        if find_spec("nats") is None or find_spec("nkeys") is None:
            raise SourceError(words.NO_ENGINE_CLIENT)


class _WithCredentials(_Installed):
    """The secrets that systemd brought (LoadCredential=) in `directory`, fixed until the service's
    restart. Where there is none, a credential is an error, or a warning if `optional`."""

    def __init__(self, directory: str | None, optional: bool) -> None:
        self._credentials = directory
        self._optional = optional

    def credential(self, name: str) -> str:
        if self._credentials is None:
            raise SourceError(words.CREDENTIAL_UNKNOWN, missing=True, unchecked=self._optional)
        path = os.path.join(self._credentials, name)
        try:
            raw, _ = read(path, MAX_SECRET)
        except SourceError as error:
            if not error.missing:
                raise
            raise SourceError(words.no_credential(name=name), missing=True) from None
        return secret(_utf8(raw, path), path)


class DiskSources(_WithCredentials):
    """The sources as they are on disk; what is read is kept in `texts`, what is asked in `asked`.
    With a `reader`, what we can read is refused if it couldn't."""

    def __init__(
        self,
        base: str,
        credentials_directory: str | None,
        credentials_optional: bool,
        reader: Identity | None = None,
    ) -> None:
        super().__init__(credentials_directory, credentials_optional)
        self.texts: dict[str, str] = {}
        self.asked: list[str] = []
        self._status: dict[str, os.stat_result] = {}
        self._base = base
        self._reader = reader

    def yaml(self, name: str) -> str:
        """The text of a YAML file; raises SourceError, or UnicodeDecodeError."""
        path = os.path.join(self._base, name)
        raw, self._status[name] = read(path, MAX_YAML)
        self.texts[path] = raw.decode()
        return self.texts[path]

    def secret_file(self, path: str) -> str:
        return secret(self.secret_text(path), path)

    def secret_text(self, path: str) -> str:
        self.asked.append(path)
        raw, status = read(path, MAX_SECRET)
        _demand(exposed(path, status, self._reader))
        return self._kept(path, raw)

    def template_file(self, path: str) -> str:
        self.asked.append(path)
        raw, _ = read(path, MAX_TEMPLATE)
        return self._kept(path, raw)

    def check_certificates(self, path: str) -> None:
        import ssl  # heavy, and only for a user who names a ca_file

        self.asked.append(path)
        raw, _ = read(path, MAX_CERTIFICATES)
        self._kept(path, raw)
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
        except (ssl.SSLError, OSError):
            raise SourceError(words.no_certificate(path=path)) from None

    def check_key(self, certificate: str, key: str) -> None:
        """The daemon has no use for either: what it may not read is no error."""
        import ssl

        try:
            status = os.stat(key)
            if not stat.S_ISREG(status.st_mode):
                raise SourceError(words.not_regular(path=key))
            if status.st_mode & stat.S_IROTH:
                command = f"chmod o-rwx {shlex.quote(key)}"
                raise SourceError(words.everybody_reads_key(path=key, command=command))
            with open(key, "rb"):
                pass
            chain = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            chain.load_cert_chain(certificate, key, password="")  # or it would ask
        except PermissionError:
            pass
        except (ssl.SSLError, ValueError):
            raise SourceError(words.not_its_key(path=key, certificate=certificate)) from None
        except OSError as error:
            raise SourceError(unreadable(key, error)) from None

    def _kept(self, path: str, raw: bytes) -> str:
        _demand(refusal(self._reader, path))
        self.texts[path] = _utf8(raw, path)
        return self.texts[path]

    def check_program(self, program: str) -> None:
        import shutil  # only for a user who has one

        if "/" in program:
            self.asked.append(program)
        found = shutil.which(program, path=PROGRAMS)
        if found is None:
            raise SourceError(words.no_program(program=program))
        _demand(refusal(self._reader, os.path.abspath(found), SEARCH))

    def check_permissions(self, file: str) -> None:
        _demand(exposed(file, self._status[file], self._reader))


class SnapshotSources(_WithCredentials):
    """The sources as they were kept; permissions and certificates were checked then."""

    def __init__(
        self, files: Files, credentials_directory: str | None, credentials_optional: bool = False
    ) -> None:
        super().__init__(credentials_directory, credentials_optional)
        self._texts = files.texts

    def secret_file(self, path: str) -> str:
        return secret(self.secret_text(path), path)

    def secret_text(self, path: str) -> str:
        if path not in self._texts:
            raise SourceError(words.not_kept(path=path), missing=True)
        return self._texts[path]

    def template_file(self, path: str) -> str:
        if path not in self._texts:
            raise SourceError(words.not_kept(path=path), missing=True)
        return self._texts[path]

    def check_certificates(self, path: str) -> None:
        pass

    def check_key(self, certificate: str, key: str) -> None:
        pass

    def check_program(self, program: str) -> None:
        pass

    def check_permissions(self, file: str) -> None:
        pass


def _demand(refused: Text | None) -> None:
    if refused is not None:
        raise SourceError(refused)


def read(path: str, limit: int) -> tuple[bytes, os.stat_result]:
    """A regular file's content and status; raises SourceError."""
    try:
        # O_NONBLOCK: a FIFO of that name must not stop us.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        with open(descriptor, "rb") as stream:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise SourceError(words.not_regular(path=path))
            content = stream.read(limit + 1)
    except (OSError, ValueError) as error:
        missing = isinstance(error, FileNotFoundError)
        raise SourceError(unreadable(path, error), missing=missing) from None
    if len(content) > limit:
        raise SourceError(words.too_large(path=path, kib=limit // 1024))
    return content, status


def secret(text: str, path: str) -> str:
    """A secret file's secret: its text without one newline at the end, and without the byte order
    mark that Windows' editors put before it; raises SourceError."""
    found = text.removeprefix("\ufeff").removesuffix("\n").removesuffix("\r")
    if not found:
        raise SourceError(words.empty_secret(path=path))
    if any(ord(sign) < 32 or 127 <= ord(sign) < 160 for sign in found):
        raise SourceError(words.unfit_secret(path=path))
    return found


def _utf8(raw: bytes, path: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        del error  # it holds the secret
    raise SourceError(words.of_path(path=path, why=japanese.not_utf8(path, raw)))


def unreadable(path: str, error: OSError | ValueError) -> Text:
    """Why a file or directory can't be read, for a person."""
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.ENOENT:
        return words.no_file(path=path)
    if number in (errno.EACCES, errno.EPERM):
        return words.not_permitted(path=path)
    return words.unreadable(path=path, why=error)
