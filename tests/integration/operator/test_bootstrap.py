"""The first operator, from the shell to the platform's log, on real services; and nobody else."""

import json
from pathlib import Path
from uuid import UUID

import pytest

from deploy.local.demo.browser import Unexpected
from libs.ids import PLATFORM
from libs.rpc.channel import open_channel
from libs.telemetry.observer import SilentObserver
from tests.support.operator import Wardenry
from tests.support.people import People, Person, Workspace
from tests.support.running_stack import running
from tests.support.stack import LocalStack
from wardenry.credentials import TlsFiles
from wardenry.errors.error import PermissionDenied
from wardenry.tenancy.v1 import platform_pb2, platform_pb2_grpc

THE_PLATFORM = Workspace(workspace_id=str(PLATFORM), slug="platform")
#: How many shells do it at once.
SHELLS = 3


async def accepts(person: Person, link: str, *, expect: int) -> None:
    """The person opens the link and accepts, as the page does for it."""
    path, _, secret = link.partition("#")
    invitation = UUID(path.rpartition("/")[2])
    await person.browser.ask("POST", f"/api/v1/invitations/{invitation}/acceptance", {"secret": secret}, expect=expect)


async def stays_outside(person: Person) -> None:
    """Somebody who is signed in, and no operator, gets nothing of the platform by any way."""
    browser, path = person.browser, THE_PLATFORM.path
    wanted = {"workspace_id": str(PLATFORM), "name": "Mine", "slug": f"mine-{person.subject_id[-8:]}"}
    # The gateway chooses ids; whoever names one is refused for the field alone.
    await browser.ask("POST", "/api/v1/workspaces", wanted, expect=400)
    await browser.ask("POST", "/api/v1/workspaces", {"name": "Mine", "slug": "platform"}, expect=409)
    assert (await browser.send("POST", f"{path}/grants")).status_code in (403, 404)
    for method, what in (("GET", ""), ("GET", "/members"), ("GET", "/audit/entries"), ("GET", "/invitations")):
        assert (await browser.send(method, path + what)).status_code in (401, 403, 404), what
    listed = await browser.ask("GET", "/api/v1/workspaces", expect=200)
    assert listed["workspaces"] == []


async def test_the_first_operator(stack: LocalStack, people: People, wardenry: Wardenry) -> None:
    olga, eve = await people.person("olga"), await people.person("eve")
    await stays_outside(eve)

    # A wrong address first; it is void once it is done again, by several at once.
    early = json.loads(wardenry("bootstrap", "--address", eve.address, "--json").out)
    asked = [wardenry.spawn("bootstrap", "--address", olga.address, "--json") for _ in range(SHELLS)]
    answers = [(shell.communicate(timeout=120)[0], shell.returncode) for shell in asked]
    assert [code for _, code in answers] == [0] * SHELLS
    links = [json.loads(out)["link"] for out, _ in answers]
    await accepts(eve, early["link"], expect=404)
    # Of another address, and right before the person for whom it is.
    for link in links:
        await accepts(eve, link, expect=404)
    opened = 0
    for link in links:
        try:
            await accepts(olga, link, expect=201)
            opened += 1
        except Unexpected:
            await accepts(olga, link, expect=404)
    assert opened == 1
    await olga.browser.ask("POST", f"{THE_PLATFORM.path}/grants", expect=201)
    own = await olga.browser.ask("GET", THE_PLATFORM.path, expect=200)
    assert (own["workspace"]["slug"], own["workspace"]["role"]) == ("platform", "owner")

    # It was mailed, too, and that link is void as well.
    _, invitation_id, secret = await people.mail.invitation(olga.address)
    acceptance = f"/api/v1/invitations/{invitation_id}/acceptance"
    await olga.browser.ask("POST", acceptance, {"secret": secret}, expect=404)

    # The platform's log says who did what, to its members alone.
    await people.entry(olga, THE_PLATFORM, "invitation.accepted")
    entries = await people.all_entries(olga, THE_PLATFORM)
    by_operator = [entry["action"] for entry in reversed(entries) if entry["client"] == "operator"]
    assert by_operator[:2] == ["workspace.created", "user.invited"]
    assert by_operator.count("user.invited") == 1 + SHELLS
    assert by_operator.count("invitation.revoked") == SHELLS
    await stays_outside(eve)

    # Never again, whatever is asked.
    for arguments in (("--address", eve.address), ("--address", olga.address, "--json")):
        refused = wardenry("bootstrap", *arguments)
        assert (refused.code, refused.out, refused.error.count("\n")) == (3, "", 1)

    # The next one is invited as in every workspace; the last owner stays.
    mia = await people.person("mia")
    await people.join(THE_PLATFORM, olga, mia)
    assert (await mia.browser.send("GET", f"{THE_PLATFORM.path}/audit/entries")).status_code == 403
    leaving = f"{THE_PLATFORM.path}/members/{olga.subject_id}"
    await olga.browser.ask("DELETE", leaving, expect=409, reason="LAST_OWNER")


@pytest.mark.parametrize("peer", ["gateway", "identity", "records"])
async def test_no_other_service_may_ask_for_it(stack: LocalStack, peer: str) -> None:
    here = running(stack)
    pki: Path = here.pki
    tls = TlsFiles(ca_file=pki / "ca.crt", certificate_file=pki / f"{peer}.crt", key_file=pki / f"{peer}.key")
    channel = open_channel(target=here.addresses["tenancy"], peer="tenancy", tls=tls, observer=SilentObserver())
    async with channel:
        stub = platform_pb2_grpc.PlatformServiceStub(channel)
        request = platform_pb2.InviteFounderRequest(invitation_id=str(PLATFORM), address="eve@example.com")
        with pytest.raises(PermissionDenied) as refusal:
            await stub.InviteFounder(request)
    assert refusal.value.reason_name == "REASON_PEER_NOT_ALLOWED"


@pytest.mark.parametrize("address", ["nobody", "a@b@example.com", "x"])
def test_what_is_no_address_is_refused_in_one_line(stack: LocalStack, wardenry: Wardenry, address: str) -> None:
    refused = wardenry("bootstrap", "--address", address)
    assert (refused.code, refused.out, refused.error.count("\n")) == (2, "", 1)
    assert refused.error.startswith("Refused: address")
