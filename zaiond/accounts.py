"""Who may use zaiond-web: names with passwords for the page, and tokens for programs. They stand in
`accounts.json` in its state directory, written by `zaiond-ctl web`, read by zaiond-web.

No password and no token is in it: of a password scrypt's hash (RFC 7914) with a salt of its own, of
a token, which is random, its SHA-256. This needs the standard library only.
"""

import contextlib
import fcntl
import hashlib
import hmac
import json
import os
import pwd
import secrets
from collections.abc import Iterator
from importlib.resources import files
from typing import Any, Literal, NamedTuple

from zaiond import atomicfile
from zaiond.atomicfile import Owner
from zaiond.text import Sentence, Text

TokenKind = Literal["metrics", "emit"]

USER = "zaiond-web"
DEFAULT_DIRECTORY = "/var/lib/zaiond-web"
MOST_ACCOUNTS = 100
MOST_TOKENS = 100
MOST_BYTES = 256 * 1024  # of the file
LONGEST_NAME = 64
SHORTEST_PASSWORD = 8  # OWASP ASVS 5 6.2.1
LONGEST_PASSWORD = 1000
_FILE = "accounts.json"
# OWASP ASVS 5 appendix C, p >= 3: it takes 32 MiB, and some 0.3 s.
_SCRYPT = {"n": 2**15, "r": 8, "p": 3}
_SCRYPT_BYTES = 64 * 1024 * 1024
_SALT_BYTES = 16
_TOKEN_BYTES = 32

bad_name = Sentence(
    "名前は 1 ～ {most} 文字で、空白や制御文字を含めないでください: {name}",
    "a name has 1 to {most} characters, no blanks and no controls among them: {name}",
)
too_short = Sentence(
    "パスワードが短すぎます。{least} 文字以上にしてください",
    "the password is too short: {least} characters at least",
)
too_long = Sentence(
    "パスワードが長すぎます。{most} 文字以下にしてください",
    "the password is too long: {most} characters at most",
)
TOO_COMMON = Text(
    "よく使われるパスワードなので使えません。別のパスワードにしてください",
    "many people use this password, so it is tried first: choose another one",
)
TOO_NEAR = Text(
    "名前や製品名からなるパスワードは使えません。別のパスワードにしてください",
    "the password is made of the name or the product's name: choose another one",
)
too_many = Sentence(
    "これ以上は登録できません（{most} 件まで）。使っていないものを削除してください: "
    "zaiond-ctl web remove NAME",
    "there can't be more than {most}: remove what is not in use: zaiond-ctl web remove NAME",
)
WRONG = Text("現在のパスワードが違います", "the current password is wrong")
broken = Sentence(
    "{path} が壊れています。削除してから、zaiond-ctl web password と zaiond-ctl web token で"
    "登録し直してください",
    "{path} is damaged: delete it, then set passwords and tokens anew by zaiond-ctl web password"
    " and zaiond-ctl web token",
)


class AccountsError(Exception):
    """What was asked for can't be; `text` says why."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


class WrongPasswordError(AccountsError):
    """It is not the password of this name, or there is no such name."""

    def __init__(self) -> None:
        super().__init__(WRONG)


class Account(NamedTuple):
    """Whoever logs in by a password; `salt` and `hash` in hexadecimal, `since` in seconds since the
    epoch: when the password was set.
    """

    salt: str
    hash: str
    since: float


class Token(NamedTuple):
    """What a program shows instead; `hash` in hexadecimal."""

    kind: TokenKind
    hash: str
    since: float


class Accounts(NamedTuple):
    """All of the file, by name. A name may have a password and a token of each kind."""

    accounts: dict[str, Account]
    tokens: dict[str, dict[TokenKind, Token]]


def directory(state_dir: str | None) -> str:
    """Where zaiond-web keeps its state: below the daemon's, where that was named."""
    return os.path.join(state_dir, "web") if state_dir else DEFAULT_DIRECTORY


# -- Asking


def read(where: str) -> Accounts:
    """What the file in this directory has; nothing where there is none. Raises OSError,
    AccountsError.
    """
    path = os.path.join(where, _FILE)
    try:
        with open(path, "rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return Accounts({}, {})
    try:
        if len(content) > MOST_BYTES:
            raise ValueError
        found = json.loads(content)
        return Accounts(
            {str(name): Account(**one) for name, one in found["accounts"].items()},
            {
                str(name): {kind: Token(kind, **one) for kind, one in kinds.items()}
                for name, kinds in found["tokens"].items()
            },
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise AccountsError(broken(path=path)) from None


def stamp(where: str) -> tuple[int, int, int] | None:
    """Another one whenever the file is another; None where it can't be looked at."""
    try:
        found = os.stat(os.path.join(where, _FILE))
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def is_right(password: str, account: Account | None) -> bool:
    """Whether it is this account's password. It takes the same time where there is no account."""
    salt = bytes(_SALT_BYTES) if account is None else bytes.fromhex(account.salt)
    right = "" if account is None else account.hash
    made = _hash(password[: LONGEST_PASSWORD + 1], salt)
    return hmac.compare_digest(made, right) and account is not None


def owner_of_token(token: str, kind: TokenKind, accounts: Accounts) -> str | None:
    """Whose a token of this kind is; None: nobody's."""
    made = hashlib.sha256(token.encode()).hexdigest()
    found = None
    for name, kinds in accounts.tokens.items():  # all of them: the time tells nothing
        one = kinds.get(kind)
        if one is not None and hmac.compare_digest(made, one.hash):
            found = name
    return found


# -- Changing


def set_password(where: str, name: str, password: str, now: float) -> None:
    """Gives a name this password. Raises OSError, AccountsError."""
    check_name(name)
    check_password(password, name)
    account = _account(password, now)
    with _changing(where) as accounts:
        accounts.accounts[name] = account
        if len(accounts.accounts) > MOST_ACCOUNTS:
            raise AccountsError(too_many(most=MOST_ACCOUNTS))


def change_password(where: str, name: str, present: str, new: str, now: float) -> None:
    """Gives a name that has the password `present` a new one. Raises OSError, WrongPasswordError,
    AccountsError.
    """
    check_password(new, name)
    with _changing(where) as accounts:  # so that it is this password that is replaced
        if not is_right(present, accounts.accounts.get(name)):
            raise WrongPasswordError
        accounts.accounts[name] = _account(new, now)


def new_token(where: str, name: str, kind: TokenKind, now: float) -> str:
    """Gives a name a new token of this kind, in place of the one that it had; gives it out, as it
    is kept nowhere. Raises OSError, AccountsError.
    """
    check_name(name)
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    with _changing(where) as accounts:
        hashed = hashlib.sha256(token.encode()).hexdigest()
        accounts.tokens.setdefault(name, {})[kind] = Token(kind, hashed, now)
        if sum(map(len, accounts.tokens.values())) > MOST_TOKENS:
            raise AccountsError(too_many(most=MOST_TOKENS))
    return token


def remove(where: str, name: str) -> bool:
    """Takes the password and the tokens of a name away; gives whether it had any. Raises OSError,
    AccountsError.
    """
    with _changing(where) as accounts:
        had = accounts.accounts.pop(name, None), accounts.tokens.pop(name, None)
    return any(had)


def check_name(name: str) -> None:
    """Raises AccountsError."""
    if not (1 <= len(name) <= LONGEST_NAME and name.isprintable()) or any(map(str.isspace, name)):
        shown = "".join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in name)
        raise AccountsError(bad_name(name=f'"{shown[:LONGEST_NAME]}"', most=LONGEST_NAME))


def check_password(password: str, name: str) -> None:
    """Raises AccountsError: it is too short, or easily guessed."""
    if len(password) < SHORTEST_PASSWORD:
        raise AccountsError(too_short(least=SHORTEST_PASSWORD))
    if len(password) > LONGEST_PASSWORD:
        raise AccountsError(too_long(most=LONGEST_PASSWORD))
    small = password.lower()
    # OWASP ASVS 5 6.2.4: the 3,000 most used that are long enough (of Royce Williams's list, as
    # Django has it).
    if small in (files("zaiond") / "common-passwords.txt").read_text("utf-8").split("\n"):
        raise AccountsError(TOO_COMMON)
    # 6.2.11: words of the place.
    if small.strip("0123456789!-_.@#") in ("", name.lower(), "zaiond", "zaionnex", "zaiond-web"):
        raise AccountsError(TOO_NEAR)


def _account(password: str, now: float) -> Account:
    salt = secrets.token_bytes(_SALT_BYTES)
    return Account(salt.hex(), _hash(password, salt), now)


def _hash(password: str, salt: bytes) -> str:
    # A surrogate is no Unicode, but may be typed: by its bytes.
    given = password.encode(errors="surrogateescape")
    return hashlib.scrypt(given, salt=salt, maxmem=_SCRYPT_BYTES, dklen=32, **_SCRYPT).hex()


@contextlib.contextmanager
def _changing(where: str) -> Iterator[Accounts]:
    """What is there, to be changed; on disk when this ends without an error."""
    _make(where)
    lock = os.open(where, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        accounts = read(where)
        yield accounts
        document: dict[str, Any] = {
            "accounts": {name: one._asdict() for name, one in accounts.accounts.items()},
            "tokens": {
                name: {kind: {"hash": one.hash, "since": one.since} for kind, one in kinds.items()}
                for name, kinds in accounts.tokens.items()
            },
        }
        content = json.dumps(document, indent=1, ensure_ascii=False).encode("utf-8", "replace")
        atomicfile.replace(os.path.join(where, _FILE), content + b"\n", _owner())
    finally:
        os.close(lock)


def _make(where: str) -> None:
    """The directory, zaiond-web's own where there is such a user and root asks."""
    if os.path.isdir(where):
        return
    os.makedirs(where, 0o750)
    user = _user()
    if user is not None:
        os.chown(where, user.pw_uid, user.pw_gid)


def _owner() -> Owner | None:
    """Root's, readable for zaiond-web; None: where it is the caller's own."""
    user = _user()
    return None if user is None else Owner(0, user.pw_gid, 0o640)


def _user() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(USER)
    except KeyError:
        return None
