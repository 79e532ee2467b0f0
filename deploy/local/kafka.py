"""Apache Kafka without containers: broker and controller in one process, on TCP ports of 127.0.0.1. It keeps its data.

Its jars are fetched by Maven, once, into the checkout's `build/kafka`, and run only if they are what
`deploy/kafka/jars.sha256` lists.
"""

import hashlib
import os
import re
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from string import Template

from deploy.local.ports import freed
from deploy.local.process import NotReady, Process
from deploy.local.tansu import NoBroker
from libs.db.schemas import ROOT
from libs.ids import Entropy
from wardenry import base64url

RECIPE = ROOT / "deploy" / "kafka"
JARS = ROOT / "build" / "kafka"
JAVA_VERSION = 17
NO_JAVA = (
    f"Apache Kafka needs Java {JAVA_VERSION} or newer{{found}}:"
    " install it (Debian: apt install default-jre-headless), or leave out BROKER=kafka."
)
NO_MAVEN = (
    "Apache Kafka's jars are fetched by Maven, which is missing:"
    " install it (Debian: apt install maven), or leave out BROKER=kafka."
)
#: Metadata, version 1, about no topic: the answer begins with its size, the correlation id, how many brokers there are.
ASK_FOR_BROKERS = struct.pack(">ihhihi", 14, 3, 1, 1, -1, 0)
ANSWER = struct.Struct(">iii")


def java() -> Path:
    """A Java that is new enough. Raises NoBroker."""
    home = os.environ.get("JAVA_HOME")
    found = (home and shutil.which("java", path=str(Path(home) / "bin"))) or shutil.which("java")
    if found is None:
        raise NoBroker(NO_JAVA.format(found=""))
    said = subprocess.run([found, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "((\d+)[^"]*)"', said)
    if version is None or int(version[2]) < JAVA_VERSION:
        raise NoBroker(NO_JAVA.format(found=f", and {found} is {version[1]}" if version else ""))
    return Path(found)


def jars(*, log: Path, say: Callable[[str], None]) -> Path:
    """The directory of Kafka's jars, which are fetched if need be. Maven writes to `log`. Raises NoBroker."""
    listed = [line.split() for line in (RECIPE / "jars.sha256").read_text().splitlines()]
    wanted = {name: checksum for checksum, name in listed}
    if checksums(JARS) == wanted:
        return JARS
    maven = shutil.which("mvn")
    if maven is None:
        raise NoBroker(NO_MAVEN)
    JARS.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="kafka-", dir=JARS.parent) as directory:
        draft = Path(directory) / "jars"
        fetch(maven, draft, names=set(wanted), log=log, say=say)
        if checksums(draft) != wanted:
            raise NoBroker(f"Maven fetched other jars than {RECIPE / 'jars.sha256'} lists: nothing of them was run.")
        shutil.rmtree(JARS, ignore_errors=True)
        try:
            draft.rename(JARS)
        except OSError:
            # Somebody else fetched them at the same time, and was quicker.
            if checksums(JARS) != wanted:
                raise
    return JARS


def checksums(directory: Path) -> dict[str, str]:
    """SHA-256 of each file, by name; none for a directory that is not there."""
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""
        for file in directory.glob("*")
    }


def fetch(maven: str, target: Path, *, names: set[str], log: Path, say: Callable[[str], None]) -> None:
    """Have Maven copy the jars to `target`, and tell how far it is. Raises NoBroker."""
    arguments = ["--batch-mode", "--strict-checksums", f"--file={RECIPE / 'pom.xml'}"]
    arguments += ["dependency:copy-dependencies", f"-DoutputDirectory={target}"]
    # Proxies, mirrors and its own Java are the person's business.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WARDENRY_")}
    process = Process(name="maven", program=[maven, *arguments], log=log, environment=environment, directory=RECIPE)
    log.unlink(missing_ok=True)
    say(f"Fetching Apache Kafka with Maven: {len(names)} jars, 44 MB, this once ...")
    told = 0
    try:
        process.start()
        while process.exit_code is None:
            time.sleep(0.2)
            there = names.intersection(re.findall(r"Downloaded .*/(\S+\.jar) ", log.read_text(errors="replace")))
            if len(there) >= told + 10:
                told = len(there)
                say(f"  {told} of {len(names)}")
    finally:
        process.kill()
    if process.exit_code != 0:
        why = next((line for line in log.read_text(errors="replace").splitlines() if "[ERROR]" in line), "no reason")
        raise NoBroker(f"Maven could not fetch Apache Kafka: {why.removeprefix('[ERROR] ')} (log: {log})")


class Kafka:
    """One broker with its own controller. Everything that it keeps is below `directory`."""

    def __init__(
        self,
        *,
        name: str,
        directory: Path,
        port: int,
        controller_port: int,
        log: Path,
        entropy: Entropy,
        say: Callable[[str], None],
    ) -> None:
        """Raises NoBroker where Java or Maven are missing; `say` is told of jars that are being fetched."""
        self.name = name
        self.directory = directory
        self.port = port
        self._controller_port = controller_port
        self._log = log
        self._entropy = entropy
        self._java = java()
        self._jars = jars(log=log.with_name("maven.log"), say=say)
        self._settings = directory / "server.properties"
        self.process = self._program("kafka.Kafka", str(self._settings))

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def bootstrap(self) -> str:
        return self.address

    def start(self) -> None:
        """Format its storage if need be, start it, and return once it answers. Raises NotReady."""
        for port in (self.port, self._controller_port):
            # Another broker there would answer for this one.
            if not freed(port, patience=2):
                raise NotReady(f"{self.name} did not start: port {port} is in use by another program")
        self._prepare()
        written = self._log.stat().st_size if self._log.exists() else 0
        self.spawn()
        # A killed broker first waits for the end of its last session.
        deadline = time.monotonic() + 60
        while not self.ready():
            if self.process.exit_code is not None or time.monotonic() > deadline:
                raise NotReady(f"{self.name} did not start: {self._why(after=written)} (log: {self._log})")
            time.sleep(0.05)

    def spawn(self) -> None:
        self.process.start()

    def ready(self) -> bool:
        """Whether it answers that there is a broker: itself, registered and in service."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(ASK_FOR_BROKERS)
                answer = connection.recv(ANSWER.size, socket.MSG_WAITALL)
        except OSError:
            return False
        return len(answer) == ANSWER.size and ANSWER.unpack(answer)[2] > 0

    def _why(self, *, after: int) -> str:
        """The last exception's text, behind so many bytes of its log; else its last words, which are most often the
        middle of a traceback."""
        log = self._log.read_bytes()[after:].decode(errors="replace")
        said = re.findall(r"^(?:Caused by: )?[\w.$]+(?:Exception|Error): (.+)$", log, re.MULTILINE)
        return said[-1] if said else self.process.last_words()

    def _prepare(self) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        ports = {"port": self.port, "controller_port": self._controller_port}
        self._settings.write_text(Template((RECIPE / "server.properties").read_text()).substitute(ports))
        # The last file that formatting writes, so an interrupted one is done again.
        if (self.directory / "data" / "meta.properties").exists():
            return
        cluster = base64url.encode(self._entropy.bytes(16))
        formatting = self._program(
            "kafka.tools.StorageTool",
            "format",
            f"--cluster-id={cluster}",
            f"--config={self._settings}",
            "--ignore-formatted",
        )
        formatting.start()
        if formatting.wait_for_end(seconds=60) != 0:
            raise NotReady(f"{self.name} could not be created: {formatting.last_words()} (log: {self._log})")

    def _program(self, *arguments: str) -> Process:
        # The quick compiler alone: half the processor time until it answers, on a machine that has other work to do.
        options = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        options += [f"-Dlog4j2.configurationFile={RECIPE / 'log4j2.xml'}", "-cp", f"{self._jars}/*"]
        return Process(
            name=self.name,
            program=[str(self._java), *options, *arguments],
            log=self._log,
            environment={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
            directory=self.directory,
        )
