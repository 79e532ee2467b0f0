"""The services behind the gateway, as typed stubs."""

from dataclasses import dataclass

import grpc.aio
from wardenry.audit.v1.entry_pb2_grpc import EntryServiceAsyncStub, EntryServiceStub
from wardenry.audit.v1.log_pb2_grpc import LogServiceAsyncStub, LogServiceStub
from wardenry.identity.v1.authentication_pb2_grpc import AuthenticationServiceAsyncStub, AuthenticationServiceStub
from wardenry.identity.v1.credential_pb2_grpc import CredentialServiceAsyncStub, CredentialServiceStub
from wardenry.identity.v1.registration_pb2_grpc import RegistrationServiceAsyncStub, RegistrationServiceStub
from wardenry.identity.v1.subject_pb2_grpc import SubjectServiceAsyncStub, SubjectServiceStub
from wardenry.session.v1.session_pb2_grpc import SessionServiceAsyncStub, SessionServiceStub
from wardenry.session.v1.token_pb2_grpc import TokenServiceAsyncStub, TokenServiceStub
from wardenry.tenancy.v1.invitation_pb2_grpc import InvitationServiceAsyncStub, InvitationServiceStub
from wardenry.tenancy.v1.membership_pb2_grpc import MembershipServiceAsyncStub, MembershipServiceStub
from wardenry.tenancy.v1.workspace_pb2_grpc import WorkspaceServiceAsyncStub, WorkspaceServiceStub


@dataclass(frozen=True, slots=True, kw_only=True)
class Backends:
    """One stub for each service that the edge calls. Calls raise `wardenry.errors.error.WardenryError`."""

    registration: RegistrationServiceAsyncStub
    authentication: AuthenticationServiceAsyncStub
    credential: CredentialServiceAsyncStub
    subject: SubjectServiceAsyncStub
    session: SessionServiceAsyncStub
    token: TokenServiceAsyncStub
    workspace: WorkspaceServiceAsyncStub
    membership: MembershipServiceAsyncStub
    invitation: InvitationServiceAsyncStub
    entry: EntryServiceAsyncStub
    log: LogServiceAsyncStub

    @classmethod
    def over(
        cls,
        *,
        identity: grpc.aio.Channel,
        session: grpc.aio.Channel,
        tenancy: grpc.aio.Channel,
        audit: grpc.aio.Channel,
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
            entry=EntryServiceStub(audit),
            log=LogServiceStub(audit),
        )
