"""The mails that were caught, one file each, as they came in."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from wardenry.clock import Clock

#: Older ones make room for new ones.
CAPACITY = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """What a reader sees of one mail. `to` are the addresses that it was delivered to, not what its header says."""

    number: int
    received_at: datetime
    sender: str
    to: tuple[str, ...]
    subject: str
    text: str


class Mailbox:
    def __init__(self, *, directory: Path, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock
        directory.mkdir(parents=True, exist_ok=True)

    def add(self, *, to: list[str], content: bytes) -> None:
        """Keep a mail. The recipients stand before it, in a header of our own."""
        numbers = self._numbers()
        file = self._file(numbers[-1] + 1 if numbers else 1)
        draft = file.with_suffix(".new")
        header = f"X-Received-At: {self._clock.now().isoformat()}\r\nX-Delivered-To: {' '.join(to)}\r\n"
        draft.write_bytes(header.encode() + content)
        draft.rename(file)
        for number in numbers[: -CAPACITY + 1]:
            self._file(number).unlink(missing_ok=True)

    def mails(self, *, to: str | None = None) -> list[Mail]:
        """All of them, or those to one address, the newest first."""
        read = (self._read(number) for number in reversed(self._numbers()))
        return [mail for mail in read if to is None or to.casefold() in (each.casefold() for each in mail.to)]

    def _numbers(self) -> list[int]:
        return sorted(int(file.stem) for file in self._directory.glob("*.eml"))

    def _file(self, number: int) -> Path:
        return self._directory / f"{number:06}.eml"

    def _read(self, number: int) -> Mail:
        message = message_from_bytes(self._file(number).read_bytes(), EmailMessage, policy=default)
        body = message.get_body(preferencelist=("plain", "html"))
        return Mail(
            number=number,
            received_at=datetime.fromisoformat(str(message["X-Received-At"])).astimezone(UTC),
            sender=str(message["From"] or ""),
            to=tuple(str(message["X-Delivered-To"]).split()),
            subject=str(message["Subject"] or ""),
            text=body.get_content() if body is not None else "",
        )
