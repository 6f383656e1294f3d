"""A private Postfix, and a private Dovecot that checks its passwords (Debian's packages; root).

Both live below one directory and a high port of 127.0.0.1; the system's own, if any, are not
touched. What Postfix takes it passes on to a `tests.support.sink.Sink`, where tests read it.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.ports import free_port

POSTFIX = "/usr/sbin/postfix"
DOVECOT = "/usr/sbin/dovecot"
DOVEADM = "/usr/bin/doveadm"

_MAIN = """\
compatibility_level = 3.6
queue_directory = {directory}/queue
data_directory = {directory}/data
maillog_file = {directory}/log/mail
maillog_file_prefixes = {directory}/log
mail_owner = postfix
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mailhost.example.co.jp
myorigin = example.co.jp
mydestination =
mynetworks = 127.0.0.0/8
alias_maps =
default_transport = smtp:[127.0.0.1]:{sink_port}
smtp_tls_security_level = none
smtpd_peername_lookup = no
smtpd_recipient_restrictions = check_recipient_access texthash:{directory}/etc/access
smtpd_relay_restrictions = permit_mynetworks, reject
"""

_MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
pickup    unix  n - n   60 1 pickup
cleanup   unix  n - n -    0 cleanup
qmgr      unix  n - n  300 1 qmgr
rewrite   unix  - - n    - - trivial-rewrite
bounce    unix  - - n    - 0 bounce
defer     unix  - - n    - 0 bounce
trace     unix  - - n    - 0 bounce
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n    - - proxymap
smtp      unix  - - n    - - smtp
error     unix  - - n    - - error
retry     unix  - - n    - - error
anvil     unix  - - n    - 1 anvil
scache    unix  - - n    - 1 scache
tlsmgr    unix  - - n 1000? 1 tlsmgr
postlog   unix-dgram n - n - 1 postlogd
"""

_DOVECOT = """\
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/log
protocols =
ssl = no
disable_plaintext_auth = no
auth_mechanisms = {mechanisms}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {directory}/users
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home=/nonexistent
}}
service auth {{
  unix_listener {directory}/auth {{
    mode = 0666
  }}
}}
auth_failure_delay = 0
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  unix_listener stats-writer {{
    mode = 0666
  }}
}}
"""


@dataclass
class Postfix:
    """One instance below `directory`, which its user must be able to reach.

    `settings` are more lines of its main.cf.
    """

    directory: Path
    sink_port: int
    settings: Mapping[str, str]

    def __post_init__(self) -> None:
        self.port = free_port()
        self._etc = self.directory / "etc"
        for name in ("etc", "queue", "data", "log"):
            (self.directory / name).mkdir(parents=True)
        shutil.chown(self.directory / "data", "postfix")
        main = _MAIN.format(directory=self.directory, sink_port=self.sink_port)
        more = "".join(f"{name} = {value}\n" for name, value in self.settings.items())
        (self._etc / "main.cf").write_text(main + more)
        (self._etc / "master.cf").write_text(_MASTER.format(port=self.port))
        self._write_access({})

    def _write_access(self, replies: Mapping[str, str]) -> None:
        lines = "".join(f"{address} {reply}\n" for address, reply in replies.items())
        (self._etc / "access").write_text(lines)

    def _postfix(self, command: str) -> None:
        done = subprocess.run(
            [POSTFIX, "-c", str(self._etc), command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"postfix {command}: {done.stderr}\n{self.log()}"

    def start(self) -> None:
        """Listens; returns when it does."""
        self._postfix("start")

    def stop(self) -> None:
        """Nothing listens any more when this returns."""
        if (self.directory / "queue/pid/master.pid").exists():
            self._postfix("stop")

    def refuse(self, replies: Mapping[str, str]) -> None:
        """Has RCPT answered by these replies, by address; others are taken."""
        self._write_access(replies)
        self.reload()

    def reload(self) -> None:
        """Reads its files anew, certificates too."""
        self._postfix("reload")

    def log(self) -> str:
        """Its mail log so far."""
        path = self.directory / "log/mail"
        return path.read_text() if path.exists() else ""

    def accepted(self) -> list[str]:
        """The Message-IDs that it has taken, in order, with their angle brackets."""
        return re.findall(r"postfix/cleanup\[\d+\]: \w+: message-id=(<[^>]*>)", self.log())


@dataclass
class Dovecot:
    """Checks passwords for Postfix, at the socket `path`.

    `ntlm_helper`: the program that is asked for NTLM, in the place of winbind's.
    """

    directory: Path
    users: Iterable[tuple[str, str]]
    mechanisms: str = "plain login"
    ntlm_helper: str = ""

    def __post_init__(self) -> None:
        self.directory.mkdir()
        self.path = self.directory / "auth"
        users = "".join(f"{name}:{{PLAIN}}{password}\n" for name, password in self.users)
        (self.directory / "users").write_text(users)
        os.chmod(self.directory / "users", 0o644)
        conf = _DOVECOT.format(directory=self.directory, mechanisms=self.mechanisms)
        if self.ntlm_helper:
            conf += f"auth_use_winbind = yes\nauth_winbind_helper_path = {self.ntlm_helper}\n"
            conf += "service auth {\n  user = root\n}\n"
        (self.directory / "conf").write_text(conf)

    def start(self) -> None:
        """Answers; returns when it does."""
        done = subprocess.run(
            [DOVECOT, "-c", str(self.directory / "conf")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # which the daemon keeps
            stderr=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )
        log = self.directory / "log"
        assert done.returncode == 0, log.read_text() if log.exists() else "no log"

    def stop(self) -> None:
        """Ends it."""
        subprocess.run(
            [DOVEADM, "-c", str(self.directory / "conf"), "stop"],
            stdin=subprocess.DEVNULL,
            timeout=60,
            check=True,
        )
