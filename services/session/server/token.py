"""TokenService."""

from typing import Any
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from libs.rpc.call import call_of
from services.session.commands.grant import CreateGrant, ExchangeToken
from services.session.commands.introspection import Introspect
from services.session.commands.refresh import Refresh
from services.session.commands.signing_key import SigningKeySet
from services.session.commands.token import Tokens
from services.session.server.caller import caller_of
from wardenry.session.v1 import token_pb2, token_pb2_grpc


class TokenHandlers(token_pb2_grpc.TokenServiceServicer):
    def __init__(
        self,
        *,
        create_grant: CreateGrant,
        refresh: Refresh,
        exchange: ExchangeToken,
        introspect: Introspect,
        keys: SigningKeySet,
        audience: str,
    ) -> None:
        """`audience` is that of the tokens of new grants."""
        self._create_grant = create_grant
        self._refresh = refresh
        self._exchange = exchange
        self._introspect = introspect
        self._keys = keys
        self._audience = audience

    async def CreateGrant(self, request: token_pb2.CreateGrantRequest, context: Any) -> token_pb2.CreateGrantResponse:
        tokens = await self._create_grant(
            caller_of(call_of(context)),
            grant=UUID(request.grant_id),
            workspace=UUID(request.workspace_id),
            audience=self._audience,
            device_binding=request.device_binding,
        )
        return token_pb2.CreateGrantResponse(tokens=token_pair(tokens))

    async def Refresh(self, request: token_pb2.RefreshRequest, context: Any) -> token_pb2.RefreshResponse:
        tokens = await self._refresh(
            request.refresh_token, device_binding=request.device_binding, client=call_of(context).client
        )
        return token_pb2.RefreshResponse(tokens=token_pair(tokens))

    async def ExchangeToken(
        self, request: token_pb2.ExchangeTokenRequest, context: Any
    ) -> token_pb2.ExchangeTokenResponse:
        exchanged = await self._exchange(caller_of(call_of(context)), audience=request.audience)
        response = token_pb2.ExchangeTokenResponse(access_token=exchanged.access_token)
        response.expires_at.FromDatetime(exchanged.expires_at)
        return response

    async def Introspect(self, request: token_pb2.IntrospectRequest, context: Any) -> token_pb2.IntrospectResponse:
        token = await self._introspect(request.token)
        if token is None:
            return token_pb2.IntrospectResponse(active=False)
        return token_pb2.IntrospectResponse(
            active=True,
            subject_id=str(token.subject),
            session_id=str(token.session),
            workspace_id=_text(token.workspace),
            role=token.role or "",
            client_id=token.client,
            audience=token.audience,
            expires_at=Timestamp(seconds=token.expires_seconds),
        )

    async def GetKeys(self, request: token_pb2.GetKeysRequest, context: Any) -> token_pb2.GetKeysResponse:
        return token_pb2.GetKeysResponse(jwks=self._keys.jwks)


def token_pair(tokens: Tokens) -> token_pb2.TokenPair:
    """Tokens as the contract has them."""
    pair = token_pb2.TokenPair(
        access_token=tokens.access_token,
        refresh_token=tokens.refresh_token,
        session_id=str(tokens.session),
        subject_id=str(tokens.subject),
        workspace_id=_text(tokens.workspace),
        role=tokens.role,
    )
    pair.access_expires_at.FromDatetime(tokens.access_expires_at)
    pair.refresh_expires_at.FromDatetime(tokens.refresh_expires_at)
    return pair


def _text(workspace: UUID | None) -> str:
    return "" if workspace is None else str(workspace)
