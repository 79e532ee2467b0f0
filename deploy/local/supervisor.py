"""Keeps the processes of the local stack running: starts again what ends, watches their health, stops all in order."""

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from enum import IntEnum, StrEnum
from typing import Protocol

from deploy.local.process import NotReady, Process

#: Seconds before a process that ended is started again: doubled each time, forgotten after it was well for a minute.
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
WELL_AFTER = 60.0
PROBE_EVERY = 0.5
LOOK_EVERY = 0.1


class Stage(IntEnum):
    """What must outlive what: the highest is stopped first."""

    STORE = 0
    SERVICE = 1
    EDGE = 2


class State(StrEnum):
    STARTING = "starting"
    READY = "ready"
    UNWELL = "not answering"
    WAITING = "waiting to start again"
    STOPPED = "stopped"


class Piece(Protocol):
    """Something with a process. `ready` may take a second and is called from other threads."""

    @property
    def name(self) -> str: ...
    @property
    def address(self) -> str: ...
    @property
    def process(self) -> Process: ...
    def spawn(self) -> None: ...
    def ready(self) -> bool: ...


class Watched:
    """A piece and what is known about it."""

    def __init__(self, piece: Piece, stage: Stage) -> None:
        self.piece = piece
        self.stage = stage
        self.state = State.STOPPED
        self.ends = 0
        self.start_at = 0.0
        self.ready_since: float | None = None
        self.probe: Future[bool] | None = None
        self.probed_at = 0.0


class Refused(Exception):
    """A process ended because of a wrong setting. The text is its own last line."""


class Supervisor:
    """Watches pieces from one thread, the main one; only probes run in others."""

    def __init__(self, *, say: Callable[[str], None], changed: Callable[[Piece, State], None]) -> None:
        """`say` is given a line for a person; `changed` is told of each change of state."""
        self._say = say
        self._changed = changed
        self._watched: list[Watched] = []
        self._probes = ThreadPoolExecutor(max_workers=16, thread_name_prefix="probe")

    @property
    def watched(self) -> Sequence[Watched]:
        return self._watched

    def add_running(self, piece: Piece) -> None:
        """Take over a store that was started and is ready."""
        watched = Watched(piece, Stage.STORE)
        self._watched.append(watched)
        self._become(watched, State.READY)

    def add(self, piece: Piece, stage: Stage) -> None:
        """Start a piece and watch it from now on."""
        watched = Watched(piece, stage)
        self._watched.append(watched)
        self._start(watched)

    def all_ready(self) -> bool:
        return all(watched.state is State.READY for watched in self._watched)

    def look(self) -> None:
        """Look at each piece once and do what has become due. Raises Refused for one that a wrong setting ended."""
        now = time.monotonic()
        for watched in self._watched:
            if watched.state is State.WAITING:
                if now >= watched.start_at:
                    self._start(watched)
            elif watched.piece.process.exit_code is not None:
                self._ended(watched, now)
            else:
                self._probe(watched, now)

    def stop(self) -> None:
        """Stop all, stage by stage: those of one stage together."""
        self._probes.shutdown(wait=False, cancel_futures=True)
        for stage in sorted(Stage, reverse=True):
            together = [watched for watched in self._watched if watched.stage is stage]
            for watched in together:
                watched.piece.process.ask_to_stop()
            for watched in together:
                watched.piece.process.stop()
                self._become(watched, State.STOPPED)

    def _start(self, watched: Watched) -> None:
        try:
            watched.piece.spawn()
        except (NotReady, OSError) as error:
            self._say(f"{watched.piece.name} cannot be started: {error}")
            self._pause(watched, time.monotonic())
            return
        watched.probe = None
        watched.ready_since = None
        self._become(watched, State.STARTING)

    def _ended(self, watched: Watched, now: float) -> None:
        piece = watched.piece
        code = piece.process.exit_code
        if code == os.EX_CONFIG:  # starting it again would not help
            raise Refused(f"{piece.name}: {piece.process.last_words()}")
        if watched.ready_since is not None and now - watched.ready_since > WELL_AFTER:
            watched.ends = 0
        self._pause(watched, now)
        how = f"was ended by signal {-code}" if code is not None and code < 0 else f"ended with code {code}"
        self._say(f"{piece.name} {how}; starting it again in {watched.start_at - now:g} s (log: {piece.process.log})")

    def _pause(self, watched: Watched, now: float) -> None:
        watched.start_at = now + min(FIRST_PAUSE * 2**watched.ends, LONGEST_PAUSE)
        watched.ends += 1
        self._become(watched, State.WAITING)

    def _probe(self, watched: Watched, now: float) -> None:
        if watched.probe is not None and watched.probe.done():
            if watched.probe.result():
                watched.ready_since = watched.ready_since or now
                self._become(watched, State.READY)
            elif watched.state is State.READY:
                self._become(watched, State.UNWELL)
            watched.probe = None
        every = PROBE_EVERY if watched.state is not State.READY else PROBE_EVERY * 4
        if watched.probe is None and now - watched.probed_at >= every:
            watched.probed_at = now
            watched.probe = self._probes.submit(watched.piece.ready)

    def _become(self, watched: Watched, state: State) -> None:
        if watched.state is not state:
            watched.state = state
            self._changed(watched.piece, state)
