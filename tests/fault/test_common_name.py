"""A certificate with its name in the common name alone, as old company servers have it: taken, and
warned of.
"""

import asyncio
import datetime
import ssl
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.daemon import Daemon
from tests.support.delivery import configuration, connection_context, server
from tests.support.scripted_server import ScriptedServer, ordinary
from zaiond.selftest.run import self_test
from zaiond.text import Language

TO = "a@zaion.jp"


class Certificate:
    """One that signs itself, for `common_name` and the names of `others`; below `directory`."""

    def __init__(self, directory: Path, common_name: str, *others: x509.GeneralName) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "localhost"),  # says nothing
                x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            ]
        )
        now = datetime.datetime.now(datetime.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=300))
        )
        if others:
            made = made.add_extension(x509.SubjectAlternativeName(others), critical=False)
        pem = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        self.file = directory / "certificate.pem"
        self.file.write_bytes(pem)
        whole = directory / "server.pem"
        whole.write_bytes(
            pem
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(whole)


async def warnings(
    certificate: Certificate,
    *,
    host: str = "localhost",
    language: Language = "en",
) -> list[str]:
    """What `test -v` warns of; the test mail must have been taken."""
    async with ScriptedServer(ordinary(tls=certificate.context)) as there:
        given = replace(
            server(there.port), host=host, security="tls", ca_file=str(certificate.file)
        )
        given_config = replace(configuration(given), language=language)
        document = await self_test(given_config, [TO], connection_context())
        (result,) = document["results"]
        assert result["ok"], result
        return [step["warning"] for step in result["steps"] if step["warning"]]


@pytest.mark.parametrize(
    ("language", "words"),
    [("ja", "コモンネーム（CN=localhost）にしかありません"), ("en", "(CN=localhost) alone")],
)
async def test_a_name_in_the_common_name_alone_is_taken_and_warned_of_in_the_self_test(
    language: Language, words: str, tmp_path: Path
) -> None:
    (warning,) = await warnings(Certificate(tmp_path, "localhost"), language=language)
    assert words in warning
    assert "RFC 9525" in warning


async def test_so_it_is_beside_names_that_are_no_dns_names(tmp_path: Path) -> None:
    other = x509.RFC822Name("postmaster@localhost")
    assert len(await warnings(Certificate(tmp_path, "localhost", other))) == 1


async def test_where_there_is_a_dns_name_nothing_is_said(tmp_path: Path) -> None:
    certificate = Certificate(tmp_path, "localhost", x509.DNSName("localhost"))
    assert await warnings(certificate) == []


async def test_a_common_name_counts_for_nothing_beside_another_dns_name(tmp_path: Path) -> None:
    certificate = Certificate(tmp_path, "localhost", x509.DNSName("mail.example"))
    with pytest.raises(AssertionError, match="Cant start TLS"):
        await warnings(certificate)


async def test_a_common_name_is_no_address(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="Cant start TLS"):
        await warnings(Certificate(tmp_path, "127.0.0.1"), host="127.0.0.1")


CONFIGURATION = """
mail_server: {{host: localhost, port: {port}, security: tls, ca_file: {ca_file}}}
admins: a@zaion.jp
language: {language}
"""


async def test_the_journal_tells_of_each_certificate_of_a_server_once(tmp_path: Path) -> None:
    certificate = Certificate(tmp_path, "localhost")
    async with ScriptedServer(ordinary(tls=certificate.context)) as there:

        def written(language: str) -> str:
            return CONFIGURATION.format(
                port=there.port, ca_file=certificate.file, language=language
            )

        def lines() -> list[str]:
            return [line for line in daemon.printed().splitlines() if "RFC 9525" in line]

        with Daemon(tmp_path / "d", written("en")) as daemon:
            for _ in range(2):
                done = await asyncio.to_thread(daemon.ctl, "test", TO, TO)
                assert done.returncode == 0, done
            (line,) = lines()
            assert f"localhost:{there.port}: The server's certificate has its name" in line

            daemon.config.write_text(written("ja"))
            done = await asyncio.to_thread(daemon.ctl, "reload")
            assert done.returncode == 0, done
            await asyncio.to_thread(daemon.ctl, "test", TO)
            assert len(lines()) == 1

            again = Certificate(tmp_path, "localhost")
            there.script = ordinary(tls=again.context)
            done = await asyncio.to_thread(daemon.ctl, "test", TO)
            assert done.returncode == 0, done
            assert "コモンネーム（CN=localhost）" in lines()[1]
            assert len(lines()) == 2
