"""WorkspaceService."""

from typing import Any
from uuid import UUID

from libs.rpc.call import call_of
from services.tenancy.commands.workspace import OwnWorkspace, WorkspaceCommands
from services.tenancy.server.caller import insider_of
from services.tenancy.server.denial import Denials
from services.tenancy.server.page import position_of, size_of, token_of
from wardenry.permissions import Permission
from wardenry.tenancy.v1 import workspace_pb2, workspace_pb2_grpc

_LIST = "workspaces"
_UPDATE = "/wardenry.tenancy.v1.WorkspaceService/UpdateWorkspace"


class WorkspaceHandlers(workspace_pb2_grpc.WorkspaceServiceServicer):
    def __init__(self, *, workspaces: WorkspaceCommands, denials: Denials) -> None:
        self._workspaces = workspaces
        self._denials = denials

    async def CreateWorkspace(
        self, request: workspace_pb2.CreateWorkspaceRequest, context: Any
    ) -> workspace_pb2.CreateWorkspaceResponse:
        created = await self._workspaces.create(
            call_of(context).caller,
            workspace_id=UUID(request.workspace_id),
            name=request.name,
            slug=request.slug,
        )
        return workspace_pb2.CreateWorkspaceResponse(workspace=_rendered(created))

    async def GetWorkspace(
        self, request: workspace_pb2.GetWorkspaceRequest, context: Any
    ) -> workspace_pb2.GetWorkspaceResponse:
        found = await self._workspaces.get(insider_of(call_of(context)))
        return workspace_pb2.GetWorkspaceResponse(workspace=_rendered(found))

    async def UpdateWorkspace(
        self, request: workspace_pb2.UpdateWorkspaceRequest, context: Any
    ) -> workspace_pb2.UpdateWorkspaceResponse:
        call = call_of(context)
        async with self._denials.recorded(call, _UPDATE, Permission.WORKSPACE_UPDATE):
            renamed = await self._workspaces.rename(insider_of(call), name=request.name)
        return workspace_pb2.UpdateWorkspaceResponse(workspace=_rendered(renamed))

    async def ListWorkspaces(
        self, request: workspace_pb2.ListWorkspacesRequest, context: Any
    ) -> workspace_pb2.ListWorkspacesResponse:
        position = position_of(_LIST, request.page_token)
        page = await self._workspaces.page(
            call_of(context).caller, after=position.last if position else None, limit=size_of(request.page_size)
        )
        more = page.more and page.items
        return workspace_pb2.ListWorkspacesResponse(
            workspaces=[_rendered(each) for each in page.items],
            next_page_token=token_of(_LIST, page.items[-1].workspace.id) if more else "",
        )

    async def ResolveWorkspace(
        self, request: workspace_pb2.ResolveWorkspaceRequest, context: Any
    ) -> workspace_pb2.ResolveWorkspaceResponse:
        found = await self._workspaces.resolve(request.slug)
        return workspace_pb2.ResolveWorkspaceResponse(workspace_id=str(found.id), name=found.name)


def _rendered(own: OwnWorkspace) -> workspace_pb2.Workspace:
    rendered = workspace_pb2.Workspace(
        workspace_id=str(own.workspace.id),
        name=own.workspace.name,
        slug=own.workspace.slug,
        region=own.workspace.region,
        role=own.role,
    )
    rendered.created_at.FromDatetime(own.workspace.created_at)
    return rendered
