"""NTLM's messages against the examples of MS-NLMP 4.2, and as servers really send and take them."""

import struct
import subprocess
import sys

import pytest

from zaiond.smtp.ntlm import (
    NEGOTIATE,
    Account,
    Challenge,
    ChallengeError,
    authenticate,
    hmac_md5,
    read_challenge,
)

# MS-NLMP 4.2.1: the values that all examples share.
USER = Account("Domain", "User", "Password")
SERVER_NONCE = bytes.fromhex("0123456789abcdef")
NONCE = bytes.fromhex("aaaaaaaaaaaaaaaa")
TIME_ZERO = -11644473600  # 1601, as the time of the examples is 0

UNICODE, OEM, NTLM, ESS, TARGET_INFO = 0x1, 0x2, 0x200, 0x80000, 0x800000


def type_2(flags: int, target_info: bytes = b"") -> bytes:
    name = "Server".encode("utf-16-le")
    at = 48 + len(name)
    return (
        b"NTLMSSP\0"
        + struct.pack("<IHHII", 2, len(name), len(name), 48, flags)
        + SERVER_NONCE
        + bytes(8)
        + struct.pack("<HHI", len(target_info), len(target_info), at)
        + name
        + target_info
    )


def pairs(*values: tuple[int, bytes]) -> bytes:
    found = b"".join(struct.pack("<HH", kind, len(value)) + value for kind, value in values)
    return found + bytes(4)


# MS-NLMP 4.2.4.1, AvPairs
NAMES = (2, "Domain".encode("utf-16-le")), (1, "Server".encode("utf-16-le"))


def fields(message: bytes) -> list[bytes]:
    """LM and NT response, domain, user, workstation and session key of a type 3."""
    assert message[:12] == b"NTLMSSP\0\3\0\0\0"
    found = []
    for at in range(12, 60, 8):
        length, _, start = struct.unpack_from("<HHI", message, at)
        assert start + length <= len(message)
        found.append(message[start : start + length])
    return found


def flags_of(message: bytes) -> int:
    return int.from_bytes(message[60:64], "little")


def answer(
    challenge: bytes, account: Account = USER, version: int = 2, now: float = TIME_ZERO
) -> bytes:
    return authenticate(account, challenge, version=version, nonce=NONCE, now=now)


def test_version_1_is_as_in_the_specifications_example() -> None:
    lm, nt, domain, user, _, key = fields(answer(type_2(UNICODE | NTLM), version=1))
    # 4.2.2.2.1; the LM response repeats it, as the LM hash is too weak to be sent (3.3.1).
    assert nt.hex() == "67c43011f30298a2ad35ece64f16331c44bdbed927841f94"
    assert lm == nt
    assert (domain.decode("utf-16-le"), user.decode("utf-16-le")) == ("Domain", "User")
    assert key == b""


def test_version_1_with_extended_session_security_is_as_in_the_specifications_example() -> None:
    lm, nt, *_ = fields(answer(type_2(UNICODE | NTLM | ESS), version=1))
    assert lm.hex() == "aaaaaaaaaaaaaaaa" + "00" * 16  # 4.2.3.2.1
    assert nt.hex() == "7537f803ae367128ca458204bde7caf81e97ed2683267232"  # 4.2.3.2.2


def test_version_2_is_as_in_the_specifications_example() -> None:
    lm, nt, *_ = fields(answer(type_2(UNICODE | NTLM | TARGET_INFO, pairs(*NAMES))))
    assert lm.hex() == "86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa"  # 4.2.4.2.1
    # 4.2.4.2.2, and 4.2.4.1.3 behind it
    assert nt[:16].hex() == "68cd0ab851e51c96aabc927bebef6a1c"
    head = "0101000000000000" + "00" * 8 + "aa" * 8 + "00" * 4
    assert nt[16:].hex() == head + pairs(*NAMES).hex() + "00" * 4


def test_without_target_information_version_2_has_none() -> None:
    for challenge in (type_2(UNICODE)[:48], type_2(UNICODE)[:32], type_2(UNICODE, pairs(*NAMES))):
        _, nt, *_ = fields(answer(challenge))
        assert nt[16 + 28 :] == bytes(8)


def test_the_time_is_windows_time_in_utc() -> None:
    _, nt, *_ = fields(answer(type_2(UNICODE), now=0.5))
    # MS-DTYP 2.3.3: 100 ns since 1601; what 1970 is in it is well known.
    assert int.from_bytes(nt[24:32], "little") == 116444736000000000 + 5_000_000


def test_with_the_servers_time_there_is_a_mic_and_no_lm_response() -> None:
    stamp = bytes(range(1, 9))
    challenge = type_2(UNICODE | TARGET_INFO, pairs(*NAMES, (7, stamp), (10, bytes(16))))
    message = answer(challenge)
    lm, nt, domain, *_ = fields(message)
    assert lm == bytes(24)
    assert nt[24:32] == stamp
    assert nt[44:] == pairs(*NAMES, (7, stamp), (10, bytes(16)), (6, b"\2\0\0\0")) + bytes(4)
    # 2.2.1.3: the MIC stands behind the version; 3.1.5.1.2: over all three messages.
    starts = [struct.unpack_from("<I", message, at + 4)[0] for at in range(12, 60, 8)]
    assert min(starts) == 88
    assert domain.decode("utf-16-le") == "Domain"
    key = bytes.fromhex("0c868a403bfd7a93a3001ef22ef02e3f")  # NTOWFv2, 4.2.4.1.1
    session_key = hmac_md5(key, nt[:16])
    without = message[:72] + bytes(16) + message[88:]
    assert message[72:88] == hmac_md5(session_key, NEGOTIATE + challenge + without)


def test_the_servers_flags_of_target_information_are_kept_with_ours() -> None:
    info = pairs((6, b"\1\0\0\0"), (7, bytes(8)))
    _, nt, *_ = fields(answer(type_2(UNICODE | TARGET_INFO, info)))
    assert nt[44:] == pairs((6, b"\3\0\0\0"), (7, bytes(8))) + bytes(4)


@pytest.mark.parametrize(
    ("username", "domain", "name"),
    [
        ("zaion", "", "zaion"),
        ("ZAION\\zaion", "ZAION", "zaion"),
        ("zaion@zaion.jp", "zaion.jp", "zaion"),
        ("\\zaion@zaion.jp", "", "zaion@zaion.jp"),
        ("ZAION\\a@b", "ZAION", "a@b"),
        ("@zaion", "", "@zaion"),
    ],
)
def test_the_domain_is_what_the_username_says_and_else_empty(
    username: str, domain: str, name: str
) -> None:
    account = Account.of(username, "Password")
    assert (account.domain, account.name) == (domain, name)
    _, _, sent, user, *_ = fields(answer(type_2(UNICODE | TARGET_INFO, pairs(*NAMES)), account))
    assert (sent.decode("utf-16-le"), user.decode("utf-16-le")) == (domain, name)


def test_version_2_hashes_the_domain_as_it_is_sent_and_the_name_in_upper_case() -> None:
    def proof(domain: str, name: str) -> bytes:
        return fields(answer(type_2(UNICODE), Account(domain, name, "Password")))[1]

    assert proof("Domain", "User") == proof("Domain", "uSER")
    assert proof("Domain", "User") != proof("DOMAIN", "User")
    assert proof("", "User") != proof("Server", "User")
    assert proof("", "stra\u00dfe") != proof("", "strasse")  # no letter becomes two


def test_names_are_unicode_or_oem_as_the_server_says() -> None:
    account = Account("営業", "ざいおん", "Password")
    both = fields(answer(type_2(UNICODE | OEM), account))
    assert both[2:4] == ["営業".encode("utf-16-le"), "ざいおん".encode("utf-16-le")]
    oem = fields(answer(type_2(OEM), account))
    assert oem[2:4] == ["営業".encode("cp932"), "ざいおん".encode("cp932")]
    with pytest.raises(ChallengeError):
        answer(type_2(OEM), Account("", "한", "Password"))


def test_only_what_both_want_is_agreed_on() -> None:
    assert flags_of(answer(type_2(0xFFFFFFFF, pairs()))) == flags_of_negotiate()
    assert flags_of(answer(type_2(UNICODE | NTLM))) == UNICODE | NTLM


def flags_of_negotiate() -> int:
    assert len(NEGOTIATE) == 32
    return int.from_bytes(NEGOTIATE[12:16], "little")


def test_exims_challenge_is_understood() -> None:
    # 48 bytes; the target's name is empty and lies far outside.
    sent = bytes.fromhex("4e544c4d53535000 02000000 0000 0000 00280000 01820000".replace(" ", ""))
    sent += SERVER_NONCE + bytes(16)
    assert read_challenge(sent) == Challenge(0x8201, SERVER_NONCE, {})


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"NTLM supported",
        b"NTLMSSP\0",
        type_2(UNICODE)[:31],
        NEGOTIATE,
        b"X" + type_2(UNICODE)[1:],
        type_2(UNICODE | TARGET_INFO, pairs(*NAMES))[:-1],
        type_2(UNICODE | TARGET_INFO, pairs(*NAMES)[:10]),
        type_2(UNICODE | TARGET_INFO, struct.pack("<HH", 1, 999) + b"short"),
        type_2(UNICODE | TARGET_INFO, pairs((7, b"short"))),
    ],
)
def test_what_makes_no_sense_is_said_so(message: bytes) -> None:
    with pytest.raises(ChallengeError, match="NTLM"):
        read_challenge(message)


def test_nobody_pays_for_ntlm_before_a_challenge_is_answered() -> None:
    program = "import sys, zaiond.daemon.main, zaiond.smtp.ntlm; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"spnego", "cryptography", "stringprep"} & set(loaded)
