"""Alerts as mail, to a mail server over a real socket."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from adapters.alerts import mail
from adapters.alerts.mail import MailSender, SmtpConnection
from adapters.alerts.outgoing import Outgoing
from domain.alert_texts import AlertContent
from domain.alerts import Severity
from domain.errors import GatewayError, NotAuthorized, Rejected, Transient, Unavailable
from tests.receivers import MailServer, mail_server

CONTENT = AlertContent(subject="[high] 3 new: Überlieferung", severity=Severity.HIGH)
MESSAGE = Outgoing("0b8f", "desk", CONTENT, datetime(2026, 11, 26, 15, 0, tzinfo=UTC))
PASSWORD = "a-password-of-these-tests"


def sender(server: MailServer, *to: str, **given: Any) -> MailSender:
    fields: dict[str, Any] = {"security": "none", "sender": "gateway@example.com", **given}
    return MailSender(SmtpConnection(host="localhost", port=server.port, **fields), to or ("ana@example.com",))


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server's certificate for localhost, which this process trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    certificate = tmp_path / "certificate.pem"
    certificate.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "key.pem").write_bytes(pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, tmp_path / "key.pem")
    return context


def test_a_letter_goes_to_all_readers_of_a_channel(server: MailServer) -> None:
    """G-I7."""
    sender(server, "ana@example.com", "bo@example.com").send(MESSAGE)
    ((readers, letter),) = server.letters
    assert readers == ["ana@example.com", "bo@example.com"]
    assert str(make_header(decode_header(letter["Subject"]))) == "Threeway [high] 3 new: Überlieferung"
    assert letter["Message-ID"] == "<0b8f@example.com>"
    assert (letter["Auto-Submitted"], letter["Date"]) == ("auto-generated", "Thu, 26 Nov 2026 15:00:00 +0000")
    assert "Überlieferung" in letter.get_payload(decode=True).decode()


def test_the_same_alert_again_has_the_same_id(server: MailServer) -> None:
    """A mailbox that has it drops the second one."""
    for _ in range(2):
        sender(server).send(MESSAGE)
    assert {letter["Message-ID"] for _, letter in server.letters} == {"<0b8f@example.com>"}


def test_a_line_break_in_a_subject_makes_no_header(server: MailServer) -> None:
    content = CONTENT.model_copy(update={"subject": "a\r\nBcc: eve@example.com"})
    sender(server).send(MESSAGE._replace(content=content))
    ((_, letter),) = server.letters
    assert letter["Bcc"] is None
    assert letter["Subject"] == "Threeway a Bcc: eve@example.com"


def test_a_password_goes_over_an_encrypted_connection(tls: ssl.SSLContext) -> None:
    with mail_server(tls=tls, password=PASSWORD) as server:
        sender(server, security="starttls", username="gateway", password=SecretStr(PASSWORD)).send(MESSAGE)
        assert (server.secured, server.users, len(server.letters)) == (1, ["gateway"], 1)


def test_a_server_that_nobody_vouches_for_gets_nothing(
    tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "none.pem").write_text("")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    with mail_server(tls=tls) as server, pytest.raises(Rejected, match="certificate"):
        sender(server, security="starttls", username="gateway", password=SecretStr(PASSWORD)).send(MESSAGE)
    assert (server.users, server.letters) == ([], [])


def test_a_refused_password_is_no_outage(tls: ssl.SSLContext) -> None:
    with mail_server(tls=tls, password="another-one") as server:
        trusted = sender(server, security="starttls", username="gateway", password=SecretStr(PASSWORD))
        refusal = failure(trusted)
    assert isinstance(refusal, NotAuthorized)
    assert PASSWORD not in refusal.detail


@pytest.mark.parametrize(("code", "kind"), [(451, Unavailable), (552, Rejected)])
def test_the_code_says_whether_it_is_for_now_or_for_good(
    server: MailServer, code: int, kind: type[GatewayError]
) -> None:
    server.refuses = [code]
    assert type(failure(sender(server))) is kind


def test_readers_that_are_refused_do_not_keep_the_others_from_it(server: MailServer) -> None:
    server.refused_readers = {"gone@example.com"}
    left = sender(server, "ana@example.com", "gone@example.com").send(MESSAGE)
    assert left == "The mail server refused 1 of 2 readers."
    assert [readers for readers, _ in server.letters] == [["ana@example.com"]]
    assert type(failure(sender(server, "gone@example.com"))) is Rejected


def test_a_server_that_dies_after_taking_it_leaves_it_open(server: MailServer) -> None:
    """The letter is there and nobody said so: it is sent again, under the same id."""
    server.dies_after_taking = 1
    assert isinstance(failure(sender(server)), Unavailable)
    sender(server).send(MESSAGE)
    assert len({letter["Message-ID"] for _, letter in server.letters}) == 1


def test_a_server_that_is_away_or_says_nothing_is_tried_again(
    server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail, "TIMEOUT_SECONDS", 0.3)
    away = MailSender(SmtpConnection(host="127.0.0.1", port=1, security="none", sender="g@x.test"), ("a@x.test",))
    assert isinstance(failure(away), Unavailable)
    with mail_server(mute=True) as silent:
        assert isinstance(failure(sender(silent)), Transient)


def failure(one: MailSender) -> GatewayError:
    with pytest.raises(GatewayError) as raised:
        one.send(MESSAGE)
    return raised.value
