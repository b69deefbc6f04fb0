"""What happens on the wire before a request exists: certificates, redirects, surroundings."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import HTTPServer, SimpleHTTPRequestHandler
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapters.quickbooks.gateway import QuickBooksGateway
from domain.errors import Unavailable
from tests.adapters.quickbooks.support import (
    MemoryVault,
    Scripted,
    ScriptedServer,
    connection,
    draft,
    invoice_json,
    refs,
    signed_in,
)


def self_signed(folder: Path) -> Path:
    """A certificate that nobody vouches for, with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    written = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "server.pem"
    path.write_bytes(written + certificate.public_bytes(serialization.Encoding.PEM))
    return path


class QuietServer(HTTPServer):
    def handle_error(self, *_about: object) -> None:
        """A client that hangs up is what the test wants."""


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[str]:
    """The address of a TLS server with a certificate that is not trusted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(self_signed(tmp_path))
    server = QuietServer(("127.0.0.1", 0), SimpleHTTPRequestHandler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_stranger_is_sent_nothing_so_nothing_is_uncertain(stranger: str) -> None:
    gateway = QuickBooksGateway(connection(stranger), MemoryVault(signed_in()))
    with pytest.raises(Unavailable, match="nothing was sent"):
        gateway.draft_invoice(draft(), refs())
    gateway.close()


def test_a_redirect_is_not_followed_with_our_token(gateway: QuickBooksGateway, script: ScriptedServer) -> None:
    script.answers.append(Scripted("", 307, headers={"Location": f"{script.root}/elsewhere"}))
    with pytest.raises(Unavailable):
        gateway.find_by_doc_number("S-1")
    assert len(script.received) == 1


def test_proxies_of_the_surroundings_are_not_used(
    gateway: QuickBooksGateway, script: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("OAUTHLIB_INSECURE_TRANSPORT", raising=False)
    script.answers.append(Scripted({"Invoice": invoice_json(draft())}))
    assert gateway.draft_invoice(draft(), refs()).doc_number == "S-1001"


def test_non_ascii_answers_are_read_as_utf_8_whatever_the_header_says(
    gateway: QuickBooksGateway, script: ScriptedServer
) -> None:
    script.answers.append(Scripted({"Invoice": invoice_json(draft(), PrivateNote="Größe")}, content_type="text/json"))
    invoice = gateway.read_invoice("1")
    assert invoice is not None
    assert invoice.note == "Größe"
