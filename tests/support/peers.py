"""What logs in for real beside Dovecot: Exim, Samba's ntlm_auth, Cyrus SASL (Debian's; root).

Exim and the programs of the others are unpacked by .ci/unpack-for-e2e and not installed. Everything
that they write is below one directory.
"""

import os
import shlex
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.ports import free_port
from tests.support.postfix import Postfix
from tests.support.waiting import until

UNPACKED = Path(__file__).parents[2] / "build" / "peers"

_SMB = """\
[global]
  server role = standalone server
  netbios name = MAILHOST
  workgroup = ZAION
  lock directory = {directory}
  state directory = {directory}
  cache directory = {directory}
  private dir = {directory}
  pid directory = {directory}
  log file = {directory}/log
"""

_EXIM = """\
exim_path = {directory}/system/usr/sbin/exim4
keep_environment = LD_LIBRARY_PATH
primary_hostname = mailhost.example.co.jp
spool_directory = {directory}/spool
log_file_path = {directory}/log/%s
pid_file_path = {directory}/spool/pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
tls_advertise_hosts =
sender_unqualified_hosts = 127.0.0.1
host_lookup =
rfc1413_query_timeout = 0s
acl_smtp_rcpt = rcpt
begin acl
rcpt:
  accept authenticated = *
  deny message = Log in first
begin routers
sink:
  driver = manualroute
  route_list = * 127.0.0.1
  transport = sink
  self = send
begin transports
sink:
  driver = smtp
  port = {sink_port}
begin authenticators
spa:
  driver = spa
  public_name = NTLM
  server_password = ${{if eq{{$auth1}}{{{user}}}{{{password}}}fail}}
  server_set_id = $auth1
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  server_secret = ${{if eq{{$auth1}}{{{user}}}{{{password}}}fail}}
  server_set_id = $auth1
"""


def _libraries(root: Path) -> str:
    """LD_LIBRARY_PATH for the programs below `root`."""
    places = [root / "usr/lib", *root.glob("usr/lib/*-linux-gnu"), *root.glob("usr/lib/*/samba")]
    return ":".join(map(str, places))


def ntlm_helper(directory: Path, password: str) -> str:
    """A program that is to Dovecot what winbind's ntlm_auth is: Samba's, with one password for all.

    So no domain and no winbindd is needed; the dialogue and the check are Samba's own.
    """
    directory.mkdir()
    config = directory / "smb.conf"
    config.write_text(_SMB.format(directory=directory))
    helper = directory / "ntlm_auth"
    arguments = shlex.join([f"--configfile={config}", f"--password={password}"])
    helper.write_text(
        "#!/bin/sh\n"
        f"export LD_LIBRARY_PATH={shlex.quote(_libraries(UNPACKED))}\n"
        f'exec {shlex.quote(str(UNPACKED / "usr/bin/ntlm_auth"))} {arguments} "$@"\n'
    )
    helper.chmod(0o755)
    return str(helper)


CYRUS = {
    "smtpd_sasl_auth_enable": "yes",
    "smtpd_sasl_type": "cyrus",
    "smtpd_sasl_local_domain": "example",
    "smtpd_relay_restrictions": "permit_sasl_authenticated, reject",
}
"""Postfix's settings for passwords that Cyrus SASL checks, and that it then demands."""


def cyrus_login(postfix: Postfix, mechanism: str, user: str, password: str) -> None:
    """What Cyrus SASL needs to know in a Postfix that nobody has connected to yet."""
    directory = postfix.directory / "etc" / "sasl"  # where Debian's Postfix has it looked for
    directory.mkdir()
    database = directory / "sasldb2"
    subprocess.run(
        [UNPACKED / "usr/sbin/saslpasswd2", "-p", "-c", "-f", database, "-u", "example", user],
        env={**os.environ, "LD_LIBRARY_PATH": _libraries(UNPACKED)},
        input=password.encode(),
        timeout=60,
        check=True,
    )
    shutil.chown(database, "postfix")
    (directory / "smtpd.conf").write_text(
        f"pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: {database}\n"
        f"mech_list: {mechanism}\n"
    )


@dataclass
class Exim:
    """One instance below `directory`, for one user, by NTLM (its SPA: version 1) and CRAM-MD5."""

    directory: Path
    sink_port: int
    user: str
    password: str

    def __post_init__(self) -> None:
        self.port = free_port()
        for name in ("system", "spool", "log"):
            (self.directory / name).mkdir(parents=True)
        for name in ("spool", "log"):
            shutil.chown(self.directory / name, "nobody")
        (self.directory / "conf").write_text(
            _EXIM.format(
                directory=self.directory,
                port=self.port,
                sink_port=self.sink_port,
                user=self.user,
                password=self.password,
            )
        )
        # The user that Debian's Exim runs as, which is on no system without it.
        for name, line in (
            ("passwd", "Debian-exim:x:65534:65534::/nonexistent:/usr/sbin/nologin\n"),
            ("group", "Debian-exim:x:65534:\n"),
        ):
            (self.directory / name).write_text(Path("/etc", name).read_text() + line)

    def start(self) -> None:
        """Listens; returns when it does."""
        here, root = shlex.quote(str(self.directory)), self.directory / "system"
        # In a view of the file system of its own: with that user, and where it can reach itself.
        mounts = (
            f"mount --bind {shlex.quote(str(UNPACKED))} {here}/system && "
            f"mount --bind {here}/passwd /etc/passwd && mount --bind {here}/group /etc/group"
        )
        libraries = _libraries(UNPACKED).replace(str(UNPACKED), str(root))
        self._process = subprocess.Popen(
            ["unshare", "-m", "sh", "-c", f'{mounts} && exec "$@"', "sh",
             root / "usr/sbin/exim4", "-C", self.directory / "conf", "-bdf"],
            env={**os.environ, "LD_LIBRARY_PATH": libraries},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        until(self._listens, self.log)

    def _listens(self) -> bool:
        assert self._process.poll() is None, self.log()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        """Ends it."""
        self._process.terminate()
        self._process.wait(60)

    def log(self) -> str:
        """Its log so far."""
        path = self.directory / "log/main"
        return path.read_text() if path.exists() else ""
