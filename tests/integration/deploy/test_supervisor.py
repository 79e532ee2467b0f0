"""The supervisor starts again what ends, ever later, and gives up at once on a wrong setting."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.local.process import Process
from deploy.local.supervisor import FIRST_PAUSE, Piece, Refused, Stage, State, Supervisor


class Script:
    """A piece that runs a line of Python."""

    def __init__(self, directory: Path, line: str) -> None:
        self.name = "script"
        self.address = "-"
        self.well = True
        self.process = Process(
            name="script",
            program=[sys.executable, "-I", "-S", "-c", line],
            log=directory / "script.log",
            environment={},
            directory=directory,
        )

    def spawn(self) -> None:
        self.process.start()

    def ready(self) -> bool:
        return self.well


class Watching:
    def __init__(self) -> None:
        self.said: list[str] = []
        self.states: list[State] = []
        self.supervisor = Supervisor(say=self.said.append, changed=self._changed)

    def _changed(self, _piece: Piece, state: State) -> None:
        self.states.append(state)

    def until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline, self.states
            self.supervisor.look()
            time.sleep(0.01)


@pytest.fixture
def watching() -> Iterator[Watching]:
    made = Watching()
    yield made
    made.supervisor.stop()


def test_it_tells_ready_from_not_answering(watching: Watching, tmp_path: Path) -> None:
    piece = Script(tmp_path, "import time; time.sleep(600)")
    watching.supervisor.add(piece, Stage.SERVICE)
    watching.until(watching.supervisor.all_ready)
    piece.well = False
    watching.until(lambda: watching.states[-1] is State.UNWELL)
    piece.well = True
    watching.until(watching.supervisor.all_ready)
    assert watching.states == [State.STARTING, State.READY, State.UNWELL, State.READY]


def test_what_is_killed_is_started_again(watching: Watching, tmp_path: Path) -> None:
    piece = Script(tmp_path, "import time; time.sleep(600)")
    watching.supervisor.add(piece, Stage.SERVICE)
    watching.until(watching.supervisor.all_ready)
    first = piece.process.pid
    piece.process.kill()
    watching.until(lambda: watching.states[-1] is State.WAITING)
    watching.until(watching.supervisor.all_ready)
    assert piece.process.pid not in (None, first)
    assert watching.said[0].startswith(f"script was ended by signal 9; starting it again in {FIRST_PAUSE:g} s (log: ")


def test_the_pause_doubles_while_it_keeps_ending(watching: Watching, tmp_path: Path) -> None:
    watching.supervisor.add(Script(tmp_path, "raise SystemExit(3)"), Stage.SERVICE)
    watching.until(lambda: len(watching.said) == 3)
    assert [line.split(" in ")[1].split(" (")[0] for line in watching.said] == ["0.5 s", "1 s", "2 s"]


def test_a_wrong_setting_is_not_tried_again(watching: Watching, tmp_path: Path) -> None:
    watching.supervisor.add(Script(tmp_path, "print('X is wrong: set it to 1.'); raise SystemExit(78)"), Stage.SERVICE)
    with pytest.raises(Refused, match=r"^script: X is wrong: set it to 1\.$"):
        watching.until(lambda: False)


def test_stopping_ends_what_does_not_listen(tmp_path: Path) -> None:
    deaf = Script(
        tmp_path, "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    )
    deaf.spawn()
    deadline = time.monotonic() + 60
    while deaf.process.last_words() != "up":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    deaf.process.stop(seconds=0.1)
    assert deaf.process.exit_code == -signal.SIGKILL


def test_what_has_a_gentler_last_signal_than_a_kill_gets_it_first(tmp_path: Path) -> None:
    """As PostgreSQL, which ends at once on SIGQUIT and leaves nothing behind that a kill would."""
    log = tmp_path / "log"
    slow = "import signal, sys, time\nsignal.signal(15, signal.SIG_IGN)\nsignal.signal(3, lambda *_: sys.exit(7))\n"
    process = Process(
        name="slow",
        program=[sys.executable, "-c", slow + "print('up', flush=True)\ntime.sleep(600)"],
        log=log,
        environment={},
        directory=tmp_path,
        death_signal=signal.SIGQUIT,
    )
    process.start()
    process.wait_until(lambda: process.last_words() == "up", seconds=60)
    process.stop(seconds=0.1)
    assert process.exit_code == 7
