"""The services behind the gateway, as typed stubs."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import grpc.aio

from wardenry.audit.v1.entry_pb2_grpc import EntryServiceStub
from wardenry.audit.v1.log_pb2_grpc import LogServiceStub, PlatformLogServiceStub
from wardenry.datarights.v1.request_pb2_grpc import RequestServiceStub
from wardenry.identity.v1.authentication_pb2_grpc import AuthenticationServiceStub
from wardenry.identity.v1.credential_pb2_grpc import CredentialServiceStub
from wardenry.identity.v1.registration_pb2_grpc import RegistrationServiceStub
from wardenry.identity.v1.subject_pb2_grpc import SubjectServiceStub
from wardenry.session.v1.session_pb2_grpc import SessionServiceStub
from wardenry.session.v1.token_pb2_grpc import TokenServiceStub
from wardenry.tenancy.v1.invitation_pb2_grpc import InvitationServiceStub
from wardenry.tenancy.v1.membership_pb2_grpc import MembershipServiceStub
from wardenry.tenancy.v1.workspace_pb2_grpc import WorkspaceServiceStub

if TYPE_CHECKING:  # the generated modules name these in their type stubs alone
    from wardenry.audit.v1.entry_pb2_grpc import EntryServiceAsyncStub
    from wardenry.audit.v1.log_pb2_grpc import LogServiceAsyncStub, PlatformLogServiceAsyncStub
    from wardenry.datarights.v1.request_pb2_grpc import RequestServiceAsyncStub
    from wardenry.identity.v1.authentication_pb2_grpc import AuthenticationServiceAsyncStub
    from wardenry.identity.v1.credential_pb2_grpc import CredentialServiceAsyncStub
    from wardenry.identity.v1.registration_pb2_grpc import RegistrationServiceAsyncStub
    from wardenry.identity.v1.subject_pb2_grpc import SubjectServiceAsyncStub
    from wardenry.session.v1.session_pb2_grpc import SessionServiceAsyncStub
    from wardenry.session.v1.token_pb2_grpc import TokenServiceAsyncStub
    from wardenry.tenancy.v1.invitation_pb2_grpc import InvitationServiceAsyncStub
    from wardenry.tenancy.v1.membership_pb2_grpc import MembershipServiceAsyncStub
    from wardenry.tenancy.v1.workspace_pb2_grpc import WorkspaceServiceAsyncStub


@dataclass(frozen=True, slots=True, kw_only=True)
class Backends:
    """One stub for each service that the edge calls. Calls raise `wardenry.errors.error.WardenryError`."""

    registration: "RegistrationServiceAsyncStub"
    authentication: "AuthenticationServiceAsyncStub"
    credential: "CredentialServiceAsyncStub"
    subject: "SubjectServiceAsyncStub"
    session: "SessionServiceAsyncStub"
    token: "TokenServiceAsyncStub"
    workspace: "WorkspaceServiceAsyncStub"
    membership: "MembershipServiceAsyncStub"
    invitation: "InvitationServiceAsyncStub"
    request: "RequestServiceAsyncStub"
    entry: "EntryServiceAsyncStub"
    log: "LogServiceAsyncStub"
    platform_log: "PlatformLogServiceAsyncStub"

    @classmethod
    def over(
        cls,
        *,
        identity: grpc.aio.Channel,
        session: grpc.aio.Channel,
        tenancy: grpc.aio.Channel,
        audit: grpc.aio.Channel,
        datarights: grpc.aio.Channel,
    ) -> "Backends":
        return cls(
            registration=RegistrationServiceStub(identity),
            authentication=AuthenticationServiceStub(identity),
            credential=CredentialServiceStub(identity),
            subject=SubjectServiceStub(identity),
            session=SessionServiceStub(session),
            token=TokenServiceStub(session),
            workspace=WorkspaceServiceStub(tenancy),
            membership=MembershipServiceStub(tenancy),
            invitation=InvitationServiceStub(tenancy),
            request=RequestServiceStub(datarights),
            entry=EntryServiceStub(audit),
            log=LogServiceStub(audit),
            platform_log=PlatformLogServiceStub(audit),
        )
