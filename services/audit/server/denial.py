"""Refused calls, into the log."""

from collections.abc import Mapping

from libs.rpc.call import Call
from libs.rpc.rules import Rule
from services.audit.commands.denial import RecordDenial


class DenialHook:
    """What the interceptor calls when a person's role does not allow a call."""

    def __init__(self, *, denial: RecordDenial, rules: Mapping[str, Rule]) -> None:
        self._denial = denial
        self._rules = rules

    async def __call__(self, call: Call, method: str) -> None:
        rule = self._rules.get(method)
        await self._denial.record(
            call.caller,
            log=call.workspace,
            rpc=method.removeprefix("/"),
            permission=rule.permission if rule else "",
        )
