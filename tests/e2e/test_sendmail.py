"""Programs that mail what they have to say, as Debian has them, over zaiond-sendmail in the place
of Postfix's sendmail.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.container import SOURCE, Container, disk, unpacked
from tests.support.installed import MEMBER, PORT, Service, installed
from tests.support.sink import Mail, Sink

pytestmark = pytest.mark.xdist_group("systemd")

ADMIN = "postmaster@example.co.jp"
PAGE = Path(__file__).parents[2] / "docs" / "zaiond-sendmail.8"
WITHIN = 60.0  # seconds; a bound for what hangs


def told_commands() -> list[str]:
    """How the man page says to take the place of another sendmail."""
    text = PAGE.read_text(encoding="utf-8").replace("\\-", "-")
    (block,) = [part for part in text.split(".nf\n") if part.startswith("dpkg-divert")]
    return block.partition("\n.fi")[0].split("\n")


@pytest.fixture(scope="module")
def machine() -> Iterator[Container]:
    """A booted system on which zaiond-sendmail is what programs find as sendmail."""
    with installed() as container:
        install = "dpkg --no-triggers --force-unsafe-io --install"
        mailers = f"DEBIAN_FRONTEND=noninteractive {install} {SOURCE}/build/mailers/*.deb"
        container.run("sh", "-c", mailers)
        for command in told_commands():
            container.run("sh", "-c", command)
        Service(container).start_afresh()
        yield container


@pytest.fixture
def arrives(machine: Container) -> Iterator[Callable[[str], Mail]]:
    """Gives the mail whose subject has a word, once it is there."""
    with Sink(listener=machine.listener(PORT)) as sink:

        def found(word: str) -> Mail:
            count = 1
            while True:
                mails = sink.wait(count, WITHIN)
                for mail in mails:
                    if word in mail.subject:
                        return mail
                count = len(mails) + 1

        yield found


def test_cron(machine: Container, arrives: Callable[[str], Mail]) -> None:
    # @reboot: else it may take a minute.
    table = "MAILTO=root\n@reboot echo 'backup: 容量不足'\n"
    machine.run("crontab", "-", user=MEMBER, given=table)
    machine.run("rm", "-f", "/run/crond.reboot")
    machine.run("systemctl", "restart", "cron")
    mail = arrives("Cron <aiko@")
    assert mail.recipients == (ADMIN,)
    assert mail.body == "backup: 容量不足\n"
    assert mail.message["From"].addresses[0].display_name == "Cron Daemon"
    assert mail.reverse_path == "zaionnex@example.co.jp"


@pytest.mark.parametrize("program", ["bsd-mailx", "s-nail"])
def test_mail(machine: Container, arrives: Callable[[str], Mail], program: str) -> None:
    machine.run("sh", "-c", "head -c 300000 /dev/urandom >/tmp/data; chmod 644 /tmp/data")
    data = machine.path("/tmp/data").read_bytes()
    attach = ("-a", "/tmp/data") if program == "s-nail" else ()
    machine.run(
        program, "-s", f"by {program}", *attach, "root", "b@example.com",
        user=MEMBER, given="line\n.\nmore\n",
    )  # fmt: skip
    mail = arrives(f"by {program}")
    assert set(mail.recipients) == {ADMIN, "b@example.com"}
    if attach:
        text, attached = mail.message.iter_parts()
        assert attached.get_content() == data
    else:
        text = mail.message
    assert str(text.get_content()).splitlines()[0] == "line"
    assert mail.message["From"].addresses[0].display_name == MEMBER


def test_smartd(machine: Container, arrives: Callable[[str], Mail]) -> None:
    loaded = disk(machine, "/dev/nvme7")
    settings = machine.path("/etc/smartd-test.conf")
    settings.write_text("/dev/nvme7 -d nvme -H -m root -M test\n")
    machine.run(*loaded, "smartd", "-q", "onecheck", "-c", "/etc/smartd-test.conf")
    mail = arrives("SMART error (EmailTest) detected on host")
    assert mail.recipients == (ADMIN,)
    assert "TEST EMAIL from smartd for device: /dev/nvme7" in mail.body


def test_mdadm(machine: Container, arrives: Callable[[str], Mail]) -> None:
    # No array is there, which it sees after it has sent the mail.
    unpacked(machine, f"{SOURCE}/build/programs")
    machine.run("mdadm", "--monitor", "--oneshot", "--test", "--mail=root", "/dev/md0")
    mail = arrives("TestMessage event on /dev/md0")
    assert mail.recipients == (ADMIN,)
    assert "A TestMessage event had been detected on md device /dev/md0." in mail.body
    assert mail.message["From"].addresses[0].display_name == "mdadm monitoring"


def test_logwatch(machine: Container, arrives: Callable[[str], Mail]) -> None:
    machine.run("mkdir", "-p", "/var/cache/logwatch")
    machine.run("logwatch", "--output=mail", "--mailto=root", "--service=zz-sys", "--range=today")
    mail = arrives("Logwatch for")
    assert mail.recipients == (ADMIN,)
    assert "Logwatch" in mail.body


def test_unattended_upgrades(machine: Container, arrives: Callable[[str], Mail]) -> None:
    settings = 'Unattended-Upgrade::Mail "root";\nUnattended-Upgrade::MailReport "always";\n'
    machine.path("/etc/apt/apt.conf.d/99mail").write_text(settings)
    # As it calls it after an upgrade, of which there is none without a network.
    call = (
        "import importlib.machinery as m, io, apt_pkg; apt_pkg.init();"
        "u = m.SourceFileLoader('u', '/usr/bin/unattended-upgrade').load_module();"
        "u.send_summary_mail(['zz-good'], True, 'all went well', u.KeptPkgs(set), [], [],"
        " io.StringIO('log: 容量'), 'dpkg: 終了')"
    )
    done = machine.run("/usr/bin/python3", "-W", "ignore", "-c", call, check=False)
    assert done.returncode == 0, done.stderr
    mail = arrives("unattended-upgrades result")
    assert mail.recipients == (ADMIN,)
    assert "all went well" in mail.body
    assert "dpkg: 終了" in mail.body
