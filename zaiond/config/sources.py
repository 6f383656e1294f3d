"""Reading what the configuration is made of: YAML files, secrets, certificates, permissions."""

import contextlib
import errno
import grp
import os
import pwd
import shlex
import stat
from dataclasses import dataclass, field
from pathlib import PurePath

from zaiond.config import encoding
from zaiond.config.access import READ, SEARCH, Identity, Inode, denied, may
from zaiond.config.links import follow
from zaiond.config.scope import SourceError
from zaiond.os_error import in_japanese
from zaiond.text import Text

MAX_YAML = 1024 * 1024
MAX_SECRET = 64 * 1024
MAX_CERTIFICATES = 4 * 1024 * 1024
_USER = _GROUP = "zaiond"
_EMITTERS = "zaiond-emit"
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


class DiskSources:
    """The sources as they are on disk; what is read is kept in `texts`, what is asked in `asked`.

    `credentials_directory` is systemd's $CREDENTIALS_DIRECTORY; where there is none, a credential
    is an error, or a warning if `credentials_optional`. With a `reader`, what we can read is
    refused if it couldn't.
    """

    def __init__(
        self,
        base: str,
        credentials_directory: str | None,
        credentials_optional: bool,
        reader: Identity | None = None,
    ) -> None:
        self.texts: dict[str, str] = {}
        self.asked: list[str] = []
        self._modes: dict[str, os.stat_result] = {}
        self._base = base
        self._reader = reader
        self._credentials = Credentials(credentials_directory, credentials_optional)

    def yaml(self, name: str) -> str:
        """The text of a YAML file; raises SourceError, or FileNotFoundError."""
        path = os.path.join(self._base, name)
        raw, self._modes[name] = read(path, MAX_YAML)
        self.texts[path] = raw.decode()
        return self.texts[path]

    def refusal(self, path: str, want: int = READ) -> Text | None:
        """Why the reader couldn't read what we can."""
        return None if self._reader is None else _refusal(self._reader, path, want)

    def _demand_readable(self, path: str, want: int = READ) -> None:
        refusal = self.refusal(path, want)
        if refusal is not None:
            raise SourceError(refusal)

    def secret_file(self, path: str) -> str:
        self.asked.append(path)
        try:
            raw, status = read(path, MAX_SECRET)
        except FileNotFoundError as error:
            raise SourceError(unreadable(path, error), missing=True) from None
        _refuse_exposed(path, status, self._reader)
        self._demand_readable(path)
        self.texts[path] = _utf8(raw, path)
        return secret(self.texts[path], path)

    def credential(self, name: str) -> str:
        return self._credentials.read(name)

    def check_certificates(self, path: str) -> None:
        import ssl  # heavy, and only for who names a ca_file

        self.asked.append(path)
        try:
            raw, _ = read(path, MAX_CERTIFICATES)
        except FileNotFoundError as error:
            raise SourceError(unreadable(path, error)) from None
        self._demand_readable(path)
        self.texts[path] = _utf8(raw, path)
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
        except (ssl.SSLError, OSError):
            raise SourceError(
                Text(
                    ja=f"{path} に有効な証明書がありません。"
                    "「-----BEGIN CERTIFICATE-----」で始まる PEM 形式のファイルを指定してください",
                    en=f"{path} holds no valid certificate: name a file in PEM, with "
                    "-----BEGIN CERTIFICATE----- in it",
                )
            ) from None

    def check_program(self, program: str) -> None:
        import shutil  # only for who has one

        if "/" in program:
            self.asked.append(program)
        found = shutil.which(program, path=PROGRAMS)
        if found is not None:
            self._demand_readable(os.path.abspath(found), SEARCH)
        else:
            raise SourceError(
                Text(
                    ja=f"{program} は実行できるファイルではありません",
                    en=f"{program} is no program that can be run",
                )
            )

    def check_permissions(self, file: str) -> None:
        _refuse_exposed(file, self._modes[file], self._reader)


class SnapshotSources:
    """The sources as they were kept; permissions and certificates were checked then."""

    def __init__(
        self, files: Files, credentials_directory: str | None, credentials_optional: bool = False
    ) -> None:
        self._texts = files.texts
        self._credentials = Credentials(credentials_directory, credentials_optional)

    def secret_file(self, path: str) -> str:
        if path not in self._texts:
            raise SourceError(
                Text(
                    ja=f"{path} の控えがありません",
                    en=f"{path} was not kept with the configuration",
                ),
                missing=True,
            )
        return secret(self._texts[path], path)

    def credential(self, name: str) -> str:
        return self._credentials.read(name)

    def check_certificates(self, path: str) -> None:
        pass

    def check_program(self, program: str) -> None:
        pass

    def check_permissions(self, file: str) -> None:
        pass


class Credentials:
    """The secrets that systemd brought (LoadCredential=), fixed until the service's restart."""

    def __init__(self, directory: str | None, optional: bool) -> None:
        self._directory = directory
        self._optional = optional

    def read(self, name: str) -> str:
        """The secret; raises SourceError."""
        if self._directory is None:
            raise SourceError(_NO_CREDENTIALS, missing=True, unchecked=self._optional)
        path = os.path.join(self._directory, name)
        try:
            raw, _ = read(path, MAX_SECRET)
        except FileNotFoundError:
            raise SourceError(
                Text(
                    ja=f"クレデンシャル {name} がありません。ユニットの LoadCredential= を確かめ、"
                    "サービスを再起動してください",
                    en=f"there is no credential {name}: check LoadCredential= in the unit, and "
                    "restart the service",
                ),
                missing=True,
            ) from None
        return secret(_utf8(raw, path), path)


_NO_CREDENTIALS = Text(
    ja="クレデンシャルは systemd のサービスとして起動したときにだけ読めます。"
    "ここでは確かめられません",
    en="a credential can only be read by the service that systemd started: it can't be checked "
    "here",
)


def read(path: str, limit: int) -> tuple[bytes, os.stat_result]:
    """A regular file's content and status; raises FileNotFoundError, or SourceError otherwise."""
    try:
        # O_NONBLOCK: a FIFO of that name must not stop us.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        with open(descriptor, "rb") as stream:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise SourceError(
                    Text(
                        ja=f"{path} は通常のファイルではありません",
                        en=f"{path} is not a regular file",
                    )
                )
            content = stream.read(limit + 1)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise SourceError(unreadable(path, error)) from None
    if len(content) > limit:
        raise SourceError(
            Text(
                ja=f"{path} が大きすぎます（{limit // 1024} KiB まで）",
                en=f"{path} is too large ({limit // 1024} KiB at most)",
            )
        )
    return content, status


def secret(text: str, path: str) -> str:
    """A secret file's secret: its text without one newline at the end, and without the byte order
    mark that Windows' editors put before it; raises SourceError."""
    found = text.removeprefix("\ufeff").removesuffix("\n").removesuffix("\r")
    if not found:
        raise SourceError(
            Text(
                ja=f"{path} が空です。パスワードなどの秘密を書いてください",
                en=f"{path} is empty: write the secret into it",
            )
        )
    if any(ord(sign) < 32 or 127 <= ord(sign) < 160 for sign in found):
        raise SourceError(
            Text(
                ja=f"{path} に改行や制御文字があります。秘密だけを 1 行で書いてください",
                en=f"{path} has several lines or control characters: write the secret alone, "
                "on one line",
            )
        )
    return found


def _utf8(raw: bytes, path: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        del error  # it holds the secret
    ja, en = encoding.not_utf8(path, raw)
    raise SourceError(Text(ja=f"{path} の{ja}", en=f"{path}: {en}"))


def unreadable(path: str, error: OSError | ValueError) -> Text:
    """Why a file or directory can't be read, for a person."""
    number = error.errno if isinstance(error, OSError) else None
    if number == errno.ENOENT:
        return Text(ja=f"ファイル {path} がありません", en=f"there is no file {path}")
    if number in (errno.EACCES, errno.EPERM):
        return Text(
            ja=f"{path} を読む権限がありません。zaiond グループから読めるようにしてください"
            "（所有者 root:zaiond、権限 0640）",
            en=f"{path} can't be read for want of permission: make it readable by the group "
            "zaiond (owner root:zaiond, mode 0640)",
        )
    if isinstance(error, OSError):
        ja, en = in_japanese(error), error.strerror
    else:
        ja = en = str(error)
    return Text(ja=f"{path} を読めません: {ja}", en=f"{path} can't be read: {en}")


def _refuse_exposed(path: str, status: os.stat_result, reader: Identity | None) -> None:
    """Others must not read a secret, nor a group that is not the daemon's own."""
    own = is_own_group(status.st_gid, os.getegid() if reader is None else reader.gid)
    group = "" if own or not status.st_mode & stat.S_IRGRP else _group_name(status.st_gid)
    if not group and not status.st_mode & stat.S_IROTH:
        return
    file = shlex.quote(path)
    if reader is not None:
        command = f"chgrp {_GROUP} {file}; chmod 640 {file}"
    else:
        command = f"chmod {'go' if group else 'o'}-rwx {file}"
    if status.st_mode & stat.S_IROTH:
        who = Text("だれでも読める状態です", "everybody can read it")
    else:
        who = Text(f"グループ {group} から読めます", f"the group {group} can read it")
    raise SourceError(
        Text(
            ja=f"{path} は秘密（パスワードなど）を含みますが、{who.ja}。"
            f"次のコマンドを実行してください: {command}",
            en=f"{path} holds a secret, and {who.en}; run: {command}",
        )
    )


def is_own_group(gid: int, own: int | None = None) -> bool:
    """Whether a file of this group may be read by it although it holds a secret; `own` is our
    group, or that of who asks."""
    # Never a supplementary group: the daemon's zaiond-emit is that of all who may emit.
    return gid == (os.getegid() if own is None else own) or _group_name(gid) == _GROUP


def daemon_identity() -> Identity | None:
    """As whom the service runs, by its unit; None where it isn't installed, or we aren't root."""
    if os.geteuid() != 0:
        return None
    try:
        user = pwd.getpwnam(_USER)
    except KeyError:
        return None
    groups = {user.pw_gid, *os.getgrouplist(_USER, user.pw_gid)}
    with contextlib.suppress(KeyError):
        groups.add(grp.getgrnam(_EMITTERS).gr_gid)
    return Identity(_USER, user.pw_uid, user.pw_gid, frozenset(groups))


def _refusal(who: Identity, path: str, want: int) -> Text | None:
    """The first thing on the way to `path` (absolute), or at its end, that keeps `who` out."""
    links, end = follow(path)
    ways = dict.fromkeys(
        directory
        for each in (*links, end)
        for directory in reversed(list(map(str, PurePath(each).parents)))
    )
    for directory in ways:
        inode = _inode(directory)
        if inode is not None and not may(who, SEARCH, inode):
            return denied(who, path, directory, SEARCH, inode)
    inode = _inode(end)
    if inode is None or may(who, want, inode):
        return None
    is_directory = os.path.isdir(end)
    return denied(who, path, path if is_directory else None, want, inode)


def _inode(path: str) -> Inode | None:
    """What decides who may do what; None where that is more than the mode."""
    try:
        os.getxattr(path, "system.posix_acl_access")
    except OSError:  # no list
        pass
    else:
        return None
    try:
        status = os.stat(path)
    except OSError:
        return None
    return Inode(status.st_uid, status.st_gid, status.st_mode)


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
