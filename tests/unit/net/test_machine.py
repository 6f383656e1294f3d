"""The time zone is read again when the system has another one, and only then."""

import os
from pathlib import Path

from zaiond.net.machine import TimeZone


def test_it_is_read_again_however_the_file_was_replaced(tmp_path: Path) -> None:
    tokyo, utc, link = tmp_path / "Tokyo", tmp_path / "UTC", tmp_path / "localtime"
    tokyo.write_bytes(b"TZif-9")
    utc.write_bytes(b"TZif-0")
    link.symlink_to(tokyo)
    read: list[str] = []
    zone = TimeZone(str(link), lambda: read.append("again"))
    zone.refresh()
    assert read == []

    (tmp_path / "new").symlink_to(utc)  # as systemd's timedatectl does it
    os.replace(tmp_path / "new", link)
    zone.refresh()
    zone.refresh()
    assert len(read) == 1

    link.unlink()
    zone.refresh()
    assert len(read) == 2

    link.write_bytes(b"TZif-9")
    zone.refresh()
    assert len(read) == 3
    link.write_bytes(b"TZif-10")  # in place
    zone.refresh()
    zone.refresh()
    assert len(read) == 4
