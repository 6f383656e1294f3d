"""NTLM's messages against the examples of MS-NLMP 4.2, and as servers really send and take them."""

import struct

import pytest

from zaiond.smtp.failure import ChallengeError
from zaiond.smtp.ntlm import (
    NEGOTIATE,
    Account,
    Challenge,
    authenticate,
    des,
    hmac_md5,
    md4,
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


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        (b"", "31d6cfe0d16ae931b73c59d7e0c089c0"),
        (b"a", "bde52cb31de33e46245e05fbdbd6fb24"),
        (b"abc", "a448017aaf21d8525fc10ae87aa6729d"),
        (b"message digest", "d9130a8164549fe818874806e1c7014b"),
        (b"abcdefghijklmnopqrstuvwxyz", "d79e1c308aa5bbcdeea8ed63df412da9"),
        (
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
            "043f8582f241db351ce627e153e7f0e4",
        ),
        (b"1234567890" * 8, "e33b4ddc9c38f2199c3e7b164fcc0536"),
    ],
)
def test_md4_is_as_in_its_rfc(text: bytes, digest: str) -> None:
    assert md4(text).hex() == digest  # RFC 1320 A.5


# NIST SP 800-17, table 4, which uses every entry of every box: key, text, what comes of it.
DES = """
7ca110454a1a6e57 01a1d6d039776742 690f5b0d9a26939b
0131d9619dc1376e 5cd54ca83def57da 7a389d10354bd271
07a1133e4a0b2686 0248d43806f67172 868ebb51cab4599a
3849674c2602319e 51454b582ddf440a 7178876e01f19b2a
04b915ba43feb5b6 42fd443059577fa2 af37fb421f8c4095
0113b970fd34f2ce 059b5e0851cf143a 86a560f10ec6d85b
0170f175468fb5e6 0756d8e0774761d2 0cd3da020021dc09
43297fad38e373fe 762514b829bf486a ea676b2cb7db2b7a
07a7137045da2a16 3bdd119049372802 dfd64a815caf1a0f
04689104c2fd3b2f 26955f6835af609a 5c513c9c4886c088
37d06bb516cb7546 164d5e404f275232 0a2aeeae3ff4ab77
1f08260d1ac2465e 6b056e18759f5cca ef1bf03e5dfa575a
584023641aba6176 004bd6ef09176062 88bf0db6d70dee56
025816164629b007 480d39006ee762f2 a1f9915541020b56
49793ebc79b3258f 437540c8698f3cfa 6fbf1cafcffd0556
4fb05e1515ab73a7 072d43a077075292 2f22e49bab7ca1ac
49e95d6d4ca229bf 02fe55778117f12a 5a6b612cc26cce4a
018310dc409b26d6 1d9d5c5018f728c2 5f4c038ed12b2e41
1c587f1c13924fef 305532286d6f295a 63fac0d034d9f793
"""


@pytest.mark.parametrize("line", DES.split("\n")[1:-1])
def test_des_is_as_in_the_standards_examples(line: str) -> None:
    with_parity, text, encrypted = map(bytes.fromhex, line.split())
    bits = "".join(f"{byte >> 1:07b}" for byte in with_parity)
    assert des(int(bits, 2).to_bytes(7, "big"), text) == encrypted
