"""Alerts as mail, by SMTP: TLS from the start, STARTTLS, or none within one machine or network."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, SecretStr

from adapters.alerts.outgoing import TIMEOUT_SECONDS, Outgoing
from domain.alert_texts import text_of
from domain.errors import NotAuthorized, Rejected, TimedOut, Unavailable


class SmtpConnection(BaseModel):
    """The server that takes our mail, and whose mail it is."""

    model_config = ConfigDict(frozen=True)

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    username: str | None = None
    password: SecretStr | None = None
    sender: str


class MailSender:
    """Writes to the readers of one channel, all in one message."""

    def __init__(self, connection: SmtpConnection, to: tuple[str, ...]) -> None:
        self._connection, self._to = connection, to

    def send(self, message: Outgoing) -> str | None:
        """Hand a message over; its `Message-ID` is the same with every try: mailboxes drop a second one by it."""
        try:
            with self._open() as server:
                refused = server.send_message(self._mail(message))
        except smtplib.SMTPAuthenticationError:
            raise NotAuthorized("The mail server refuses our user or password.") from None
        except smtplib.SMTPResponseException as error:
            raise _refusal(error.smtp_code) from None
        except smtplib.SMTPRecipientsRefused as error:
            raise _refusal(max(code for code, _ in error.recipients.values())) from None
        except TimeoutError:
            raise TimedOut("The mail server did not answer in time.") from None
        except ssl.SSLError as error:
            raise Rejected("The mail server's certificate cannot be trusted.", reason=error.reason) from None
        except (OSError, smtplib.SMTPException) as error:
            raise Unavailable(f"The mail server cannot be reached ({type(error).__name__}).") from None
        # Sent again, it would come twice to those who have it.
        return f"The mail server refused {len(refused)} of {len(self._to)} readers." if refused else None

    def _open(self) -> smtplib.SMTP:
        found = self._connection
        if found.security == "tls":
            context = ssl.create_default_context()
            server: smtplib.SMTP = smtplib.SMTP_SSL(found.host, found.port, timeout=TIMEOUT_SECONDS, context=context)
        else:
            server = smtplib.SMTP(found.host, found.port, timeout=TIMEOUT_SECONDS)
        try:
            if found.security == "starttls":
                server.starttls(context=ssl.create_default_context())
            if found.username is not None and found.password is not None:
                server.login(found.username, found.password.get_secret_value())
        except BaseException:
            server.close()
            raise
        return server

    def _mail(self, message: Outgoing) -> EmailMessage:
        mail = EmailMessage()
        sender = self._connection.sender
        mail["From"], mail["To"] = sender, ", ".join(self._to)
        mail["Subject"] = " ".join(f"Threeway {message.content.subject}".split())
        mail["Date"] = format_datetime(message.made_at)
        mail["Message-ID"] = f"<{message.id}@{sender.rpartition('@')[2].strip('> ')}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Threeway-Alert"] = message.id
        mail.set_content(text_of(message.content))
        return mail


def _refusal(code: int) -> Unavailable | Rejected:
    """Codes of 400 are for now, those of 500 for good (RFC 5321, 4.2.1)."""
    detail = f"The mail server answered {code}."
    return Unavailable(detail, reason=str(code)) if code < 500 else Rejected(detail, reason=str(code))
