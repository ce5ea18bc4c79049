"""The mail server of one notebook."""

from __future__ import annotations

import gc
import smtplib
import socket
from email.message import EmailMessage

import pytest

from labkit.errors import LabTimeoutError
from labkit.teaching.mailbox import Mailbox


def send(address: str, subject: str = "Hello", text: str = "How are you?") -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "lab@example.com", "you@example.com", subject
    mail.set_content(text)
    host, _, port = address.partition(":")
    with smtplib.SMTP(host, int(port), timeout=5) as server:
        server.send_message(mail)


def refuses(address: str) -> bool:
    host, _, port = address.partition(":")
    try:
        socket.create_connection((host, int(port)), 1).close()
    except OSError:
        return True
    return False


def test_a_mail_is_kept_with_subject_and_text() -> None:
    mailbox = Mailbox()
    send(mailbox.address, "Grüße", "Ça va?")

    mail = mailbox.wait(timeout=5)

    assert (mail["Subject"], mail["To"], mail.get_content().strip()) == ("Grüße", "you@example.com", "Ça va?")
    assert repr(mailbox) == f"Mailbox({mailbox.address!r}, messages: 1)"
    mailbox.clear()
    assert mailbox.messages == []
    mailbox.close()


def test_without_mail_a_wait_says_what_to_look_at() -> None:
    mailbox = Mailbox()
    send(mailbox.address)

    with pytest.raises(LabTimeoutError) as caught:
        mailbox.wait(2, timeout=0.2)

    assert (caught.value.expected, caught.value.seen) == (
        "messages in the mailbox: 2",
        "messages in the mailbox: 1",
    )
    mailbox.close()


def test_the_newest_hundred_messages_are_kept() -> None:
    mailbox = Mailbox()
    for number in range(101):
        send(mailbox.address, str(number))

    assert [mail["Subject"] for mail in mailbox.messages] == [str(number) for number in range(1, 101)]
    mailbox.close()


def test_a_mailbox_that_is_closed_or_replaced_listens_no_more() -> None:
    closed = Mailbox()
    idle = socket.create_connection(("127.0.0.1", int(closed.address.partition(":")[2])), 5)
    assert idle.recv(100).startswith(b"220 ")
    closed.close()
    closed.close()
    assert refuses(closed.address)
    idle.close()

    address = (replaced := Mailbox()).address
    del replaced
    gc.collect()
    assert refuses(address)
