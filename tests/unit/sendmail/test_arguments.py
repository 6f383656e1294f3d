"""The command line of sendmail(1), as the programs of Debian write it."""

import pytest

from zaiond.sendmail.arguments import Call, UsageError, parse


@pytest.mark.parametrize(
    ("line", "call"),
    [
        # cron, mdadm, smartd by mail(1), s-nail, PHP, git send-email, logwatch
        ("-i -FCronDaemon -B8BITMIME -oem me", Call(("me",), name="CronDaemon", dot_ends=False)),
        ("-FCronDaemon -odi -oem -oi -t", Call(name="CronDaemon", dot_ends=False, by_header=True)),
        ("-t", Call(by_header=True)),
        ("-ti", Call(by_header=True, dot_ends=False)),
        ("-i -f a@x.jp -- b@x.jp", Call(("b@x.jp",), sender="a@x.jp", dot_ends=False)),
        ("-itfa@x.jp", Call(sender="a@x.jp", by_header=True, dot_ends=False)),
        ("-r a@x.jp b@x.jp", Call(("b@x.jp",), sender="a@x.jp")),
        ("-F Name -oi root", Call(("root",), name="Name", dot_ends=False)),
        ("-o i -oQ/tmp root", Call(("root",), dot_ends=False)),
        # what is ignored, with its value
        ("-B 8BITMIME -N success,failure -R hdrs -V id root", Call(("root",))),
        ("-O DeliveryMode=b -C /etc/x -L tag -X log -h 3 -p smtp -d99.100 -G -U -v -m -n root",
         Call(("root",))),
        ("--unknown --other=x root", Call(("root",))),
        ("-bm root", Call(("root",))),
        ("-b m root", Call(("root",))),
        ("-- -t", Call(("-t",))),
        ("-q30m", Call(queue_only=True)),
        ("-bi", Call(queue_only=True)),
        ("--runtime-dir=/r --spool-dir /s root", Call(("root",), runtime_dir="/r", spool_dir="/s")),
        ("--config x --state-dir=y root", Call(("root",))),
        ("--help", Call(shows="help")),
        ("--version", Call(shows="version")),
    ],
)  # fmt: skip
def test_what_programs_write_is_understood(line: str, call: Call) -> None:
    assert parse(line.split()) == call


@pytest.mark.parametrize("line", ["-bs", "-bd", "-bp", "-bv", "-b s", "-f", "-O", "--spool-dir"])
def test_what_it_does_not_do_is_refused(line: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse(line.split())
    assert line.replace(" ", "")[:3] in str(refused.value)
