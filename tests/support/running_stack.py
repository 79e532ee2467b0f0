"""What tests do with a whole stack from outside: people with browsers, processes that are killed."""

import time

from deploy.local.demo.browser import Browser
from deploy.local.demo.running import RunningStack
from tests.support.stack import LocalStack


def running(stack: LocalStack) -> RunningStack:
    """Where things are."""
    return RunningStack.of(stack.state, started_here=True)


def browser(stack: LocalStack, agent: str = "tests") -> Browser:
    """The HTTP side of a browser. Close it."""
    here = running(stack)
    return Browser(origin=here.https, edge_ca_file=here.edge_ca_file, agent=agent)


def wait_for_another_process(stack: LocalStack, name: str, pid: int, *, seconds: float = 120) -> None:
    """Until the piece runs as another process than `pid` and everything is ready."""
    deadline = time.monotonic() + seconds
    while not (stack.status()["ready"] and stack.pid_of(name) != pid):
        assert time.monotonic() < deadline, f"{name} did not come back: {stack.state['pieces']}"
        time.sleep(0.2)
