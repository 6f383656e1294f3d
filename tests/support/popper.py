"""A private Dovecot for POP3 that opens a Postfix to who logs in: POP before SMTP as it was run
(Debian's packages; root).

Dovecot runs a script after each login, which writes the client's address into a table of Postfix's.
`forget` takes all out again, as the cron job of such a server does after a while.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests.support.ports import free_port
from tests.support.postfix import DOVEADM, DOVECOT

_CONF = """\
base_dir = {directory}/run
state_dir = {directory}/state
log_path = {directory}/log
protocols = pop3
auth_mechanisms = {mechanisms}
disable_plaintext_auth = no
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{certificate}
mail_location = maildir:{directory}/mail/%u
first_valid_uid = 1
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {directory}/users
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={directory}/mail/%u
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    address = 127.0.0.1
    port = {port}
  }}
  inet_listener pop3s {{
    address = 127.0.0.1
    port = {tls_port}
    ssl = yes
  }}
}}
service pop3 {{
  executable = pop3 pop3-postlogin
}}
service pop3-postlogin {{
  executable = script-login {directory}/open
  user = root
  unix_listener pop3-postlogin {{
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

_OPEN = """\
#!/bin/sh
# Run by Dovecot after a login, with the client's address in IP.
echo "$USER from $IP" >> {directory}/logins
echo "$IP OK" > {directory}/open-to.new
mv {directory}/open-to.new {directory}/open-to
/usr/sbin/postmap -c {directory} hash:{directory}/open-to || exit 1
exec "$@"
"""


@dataclass
class Popper:
    """One Dovecot below `directory`; `mechanisms` as its setting auth_mechanisms has them."""

    directory: Path
    user: str
    password: str
    authority: trustme.CA
    mechanisms: str = "plain"

    def __post_init__(self) -> None:
        self.port, self.tls_port = free_port(), free_port()
        self._forgotten = 0
        self.directory.mkdir()
        (self.directory / "mail").mkdir()
        shutil.chown(self.directory / "mail", "nobody", "nogroup")
        certificate = self.directory / "certificate.pem"
        issued = self.authority.issue_cert("localhost")
        issued.private_key_and_cert_chain_pem.write_to_path(str(certificate))
        certificate.chmod(0o600)
        (self.directory / "users").write_text(f"{self.user}:{{PLAIN}}{self.password}\n")
        (self.directory / "main.cf").write_text("compatibility_level = 3.6\n")  # for postmap
        script = self.directory / "open"
        script.write_text(_OPEN.format(directory=self.directory))
        script.chmod(0o755)
        conf = _CONF.format(
            directory=self.directory,
            port=self.port,
            tls_port=self.tls_port,
            certificate=certificate,
            mechanisms=self.mechanisms,
        )
        (self.directory / "conf").write_text(conf)
        self.forget()

    @property
    def restrictions(self) -> dict[str, str]:
        """Settings of the Postfix that is to take mail only from who has logged in."""
        table = f"check_client_access hash:{self.directory}/open-to"
        return {"smtpd_relay_restrictions": f"{table}, reject_unauth_destination"}

    @property
    def logins(self) -> list[str]:
        """Who has logged in, and from where."""
        path = self.directory / "logins"
        return path.read_text().splitlines() if path.exists() else []

    def forget(self) -> None:
        """Nobody is let in any more without another login."""
        table = self.directory / "open-to"
        table.write_text("")
        command = ["/usr/sbin/postmap", "-c", str(self.directory), f"hash:{table}"]
        subprocess.run(command, check=True, timeout=60)
        # Postfix sees by a table's time, in whole seconds, that it has changed.
        self._forgotten += 1
        os.utime(self.directory / "open-to.db", (self._forgotten, self._forgotten))

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
        assert done.returncode == 0, self.log()

    def stop(self) -> None:
        """Ends it."""
        subprocess.run(
            [DOVEADM, "-c", str(self.directory / "conf"), "stop"],
            stdin=subprocess.DEVNULL,
            timeout=60,
            check=True,
        )

    def log(self) -> str:
        """Its log so far."""
        path = self.directory / "log"
        return path.read_text() if path.exists() else ""
