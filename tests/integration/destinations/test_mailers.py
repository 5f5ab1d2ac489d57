"""Sending to a real SMTP server: TLS, logins, certificates, and messages that are too large; and with SES."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from email import message_from_bytes, policy
from email.headerregistry import Address
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from delivery.email_message import Attachment, EmailContent, ListedFile, compose_email, message_id_of
from delivery.errors import (
    AccessDeniedError,
    DeliveryError,
    DestinationRefusedError,
    DestinationUnavailableError,
    RecipientRefusedError,
)
from delivery.mail import Letter, MailSettings
from delivery.mailers import open_mailer
from resma.catalog import find_locale
from tests.support.smtp_server import PASSWORD, USER, SmtpServer, smtp_server
from tests.support.system import clear_caches

ANA, SENDER = "ana@example.com", "reports@resma.example"
SECRET = "resma/smtp"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """AWS simulated by moto."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        clear_caches()
        yield
        clear_caches()


@pytest.fixture
def secret(aws: None) -> str:
    """The secret with the login at the server."""
    value = json.dumps({"username": USER, "password": PASSWORD})
    boto3.client("secretsmanager").create_secret(Name=SECRET, SecretString=value)
    return SECRET


def letter(recipient: str = ANA, content: bytes = b"Subject: Test\r\n\r\nHello\r\n") -> Letter:
    return Letter(recipient, "<1@resma.example>", content, "demo", f"dlv_{'0' * 32}")


def settings(server: SmtpServer, **more: Any) -> MailSettings:
    given = {"sender": SENDER, "smtp_host": "localhost", "smtp_port": server.port, **more}
    return MailSettings(transport="SMTP", **given)


def send(given: MailSettings, *letters: Letter) -> list[str]:
    with closing(open_mailer(given)) as mailer:
        return [mailer.send(each) for each in letters]


@pytest.mark.parametrize("tls", ["STARTTLS", "IMPLICIT"])
def test_messages_are_sent_by_tls_after_a_login(
    tls: Any, secret: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with smtp_server(tmp_path, tls=tls) as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
        assert send(settings(server, smtp_tls=tls, smtp_secret=secret), letter()) == ["<1@resma.example>"]
        (received,) = server.received
        assert (received.sender, received.was_encrypted, received.user) == (SENDER, True, USER)


@pytest.mark.parametrize("tls", ["STARTTLS", "IMPLICIT"])
def test_nothing_is_sent_to_a_server_with_another_certificate(tls: Any, secret: str, tmp_path: Path) -> None:
    with smtp_server(tmp_path, tls=tls) as server:
        with pytest.raises(DestinationRefusedError, match="certificate"):
            send(settings(server, smtp_tls=tls, smtp_secret=secret), letter())
        assert server.received == []


def test_the_host_name_of_the_certificate_is_checked(
    secret: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with smtp_server(tmp_path, tls="STARTTLS", name="mail.example") as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
        with pytest.raises(DestinationRefusedError, match="certificate"):
            send(settings(server, smtp_secret=secret), letter())


def test_no_login_is_sent_without_tls(secret: str) -> None:
    """A server without STARTTLS, or an attacker who removes it, gets neither the login nor the message."""
    with smtp_server() as server:
        with pytest.raises(DestinationRefusedError, match="EmailSmtpTls"):
            send(settings(server, smtp_secret=secret), letter())
        assert server.received == []


def test_a_refused_login_says_so(aws: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    boto3.client("secretsmanager").create_secret(Name="wrong", SecretString='{"username": "resma", "password": "x"}')
    with smtp_server(tmp_path, tls="STARTTLS") as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
        with pytest.raises(AccessDeniedError, match="refused the login") as caught:
            send(settings(server, smtp_secret="wrong"), letter())
        assert "password" not in str(caught.value)


def test_the_size_that_the_server_takes_is_known_and_larger_messages_are_refused() -> None:
    with smtp_server(max_bytes=2000) as server, closing(open_mailer(settings(server, smtp_tls="NONE"))) as mailer:
        assert mailer.max_bytes == 2000
        with pytest.raises(RecipientRefusedError, match="552"):
            mailer.send(letter(content=b"Subject: x\r\n\r\n" + b"x\r\n" * 1000))
        mailer.send(letter())
        assert len(server.received) == 1


def test_a_server_that_does_not_answer_is_unavailable() -> None:
    with smtp_server() as server:
        pass
    with pytest.raises(DestinationUnavailableError):
        send(settings(server, smtp_tls="NONE"), letter())


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("554 5.7.1 Spam", "recipient-refused"),
        ("451 Later", "recipient-deferred"),
        ("421 Bye", "destination-unavailable"),
    ],
)
def test_answers_after_the_content(answer: str, code: str) -> None:
    with smtp_server() as server:
        server.data_answers = [answer]
        with pytest.raises(DeliveryError, match=answer[:3]) as caught:
            send(settings(server, smtp_tls="NONE"), letter())
        assert caught.value.code == code


@pytest.fixture
def ses(aws: None) -> Any:
    """SES with the sender's identity."""
    client = boto3.client("ses")
    client.verify_email_identity(EmailAddress=SENDER)
    return client


def test_ses_sends_and_says_the_id_of_the_message(ses: Any) -> None:
    (message_id,) = send(MailSettings(transport="SES", sender=SENDER), letter(content=_composed()))
    assert message_id
    assert float(ses.get_send_quota()["SentLast24Hours"]) > 0


def test_ses_refuses_a_sender_that_is_not_verified(ses: Any) -> None:
    with pytest.raises(AccessDeniedError, match="EmailSender"):
        send(MailSettings(transport="SES", sender="other@resma.example"), letter(content=_composed()))


def content(**changes: Any) -> EmailContent:
    values: dict[str, Any] = {
        "locale": find_locale("pt-BR"),
        "title": "Transações",
        "is_test": False,
        "facts": [("Período", "03/2024")],
        "files": [ListedFile("a.csv", 1_234_567, "0" * 64)],
        "more_files": 3,
        "sentences": ["Sign in to download the files."],
        "link": "https://reports.example/console#/reports/1",
    }
    return EmailContent(**{**values, **changes})


def _composed(*attachments: Attachment, **changes: Any) -> bytes:
    sender = Address(display_name="Resma", addr_spec=SENDER)
    message_id = message_id_of(f"dlv_{'0' * 32}", ANA, SENDER, 0)
    return compose_email(content(**changes), attachments, sender=sender, recipient=ANA, message_id=message_id)


def test_headers_and_html_contain_no_injected_lines() -> None:
    title = 'A\r\nBcc: eve@example.com\n\n<script>alert("é")</script>'
    raw = _composed(title=title, facts=[("a\nb", "<img src=x>")])
    message = message_from_bytes(raw, policy=policy.default)
    assert message["Bcc"] is None
    assert message["Subject"].startswith("A Bcc: eve@example.com <script>")
    body: Any = message.get_body(("html",))
    html = body.get_content()
    assert "<script>" not in html
    assert "<img" not in html
    assert raw.isascii()
    assert b"\n" not in raw.replace(b"\r\n", b"")


def test_a_message_is_in_the_language_of_its_locale() -> None:
    message: Any = message_from_bytes(_composed(), policy=policy.default)
    text = message.get_body(("plain",)).get_content()
    assert message["Subject"] == "Transações: Relatório pronto"
    for part in ("Entre para baixar os arquivos.", "1,2 MB", "+ 3", "Esta mensagem foi enviada automaticamente."):
        assert part in text
