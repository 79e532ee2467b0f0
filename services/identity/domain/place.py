"""Where each sealed value belongs: what it is bound to, so that it opens nowhere else."""

from uuid import UUID

from libs.crypto.sealing import AssociatedData
from libs.ids import PLATFORM


def display_name(subject_id: UUID) -> AssociatedData:
    return AssociatedData(field="subject.display_name", workspace=PLATFORM, row=subject_id)


def address(address_id: UUID) -> AssociatedData:
    return AssociatedData(field="address.value", workspace=PLATFORM, row=address_id)


def registration_content(registration_id: UUID) -> AssociatedData:
    return AssociatedData(field="registration.content", workspace=PLATFORM, row=registration_id)


def mail_content(mail_id: UUID) -> AssociatedData:
    return AssociatedData(field="outgoing_mail.content", workspace=PLATFORM, row=mail_id)
