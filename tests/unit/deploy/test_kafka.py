"""Apache Kafka starts with what it needs, and one line says what is missing."""

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest

from deploy.local import kafka
from deploy.local.kafka import RECIPE, jars, java
from deploy.local.tansu import NoBroker


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that is the whole PATH, but for the shell's own."""
    path = tmp_path / "bin"
    path.mkdir()
    monkeypatch.setenv("PATH", str(path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(kafka, "JARS", tmp_path / "build" / "kafka")
    return path


def program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def says(version: str) -> str:
    return f"echo 'openjdk version \"{version}\" 2025-04-15' >&2"


def fetched(tmp_path: Path, told: list[str] | None = None) -> Path:
    return jars(log=tmp_path / "maven.log", say=(told if told is not None else []).append)


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recipe of one jar, with the content `jar`."""
    directory = tmp_path / "recipe"
    directory.mkdir()
    (directory / "jars.sha256").write_text(f"{hashlib.sha256(b'jar').hexdigest()}  one.jar\n")
    monkeypatch.setattr(kafka, "RECIPE", directory)


def test_a_machine_without_java_is_told_to_install_it(programs: Path) -> None:
    with pytest.raises(NoBroker, match=r"^Apache Kafka needs Java 17 or newer: install it .*BROKER=kafka\.$"):
        java()


@pytest.mark.parametrize("version", ["11.0.2", "1.8.0_292"])
def test_a_java_that_is_too_old_is_named(programs: Path, version: str) -> None:
    program(programs / "java", says(version))
    with pytest.raises(NoBroker, match=f"and {programs}/java is {version}: install it"):
        java()


def test_a_program_that_only_claims_to_be_java_is_none(programs: Path) -> None:
    program(programs / "java", "echo 'No Java runtime present' >&2; exit 1")
    with pytest.raises(NoBroker, match="needs Java 17 or newer: install it"):
        java()


@pytest.mark.parametrize("version", ["17.0.15", "26-ea"])
def test_java_is_found_where_java_home_says_and_else_on_the_path(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    program(programs / "java", says(version))
    assert java() == programs / "java"
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "gone"))
    assert java() == programs / "java"
    program(tmp_path / "jdk" / "bin" / "java", says(version))
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "jdk"))
    assert java() == tmp_path / "jdk" / "bin" / "java"


def test_a_machine_without_maven_is_told_to_install_it(programs: Path, tmp_path: Path) -> None:
    with pytest.raises(NoBroker, match=r"^Apache Kafka's jars are fetched by Maven, which is missing: install it"):
        fetched(tmp_path)


@pytest.mark.usefixtures("recipe")
def test_jars_are_fetched_once(programs: Path, tmp_path: Path) -> None:
    program(programs / "mvn", 'for last; do :; done; t="${last#*=}"; /bin/mkdir -p "$t"; printf jar > "$t/one.jar"')
    told: list[str] = []
    directory = fetched(tmp_path, told)
    assert [file.name for file in directory.iterdir()] == ["one.jar"]
    assert told == ["Fetching Apache Kafka with Maven: 1 jars, 44 MB, this once ..."]
    (programs / "mvn").unlink()
    assert fetched(tmp_path) == directory
    assert list(directory.parent.iterdir()) == [directory]


@pytest.mark.usefixtures("recipe")
def test_other_jars_than_the_listed_ones_are_not_used(programs: Path, tmp_path: Path) -> None:
    program(programs / "mvn", 'for last; do :; done; t="${last#*=}"; /bin/mkdir -p "$t"; printf bad > "$t/one.jar"')
    with pytest.raises(NoBroker, match=r"Maven fetched other jars than .*jars\.sha256 lists"):
        fetched(tmp_path)
    assert not kafka.JARS.exists()


def test_jars_that_were_changed_since_are_not_used(programs: Path, tmp_path: Path, recipe: None) -> None:
    kafka.JARS.mkdir(parents=True)
    (kafka.JARS / "one.jar").write_text("jar")
    assert fetched(tmp_path) == kafka.JARS
    (kafka.JARS / "two.jar").write_text("added")
    with pytest.raises(NoBroker, match="Maven, which is missing"):
        fetched(tmp_path)


@pytest.mark.usefixtures("recipe")
def test_two_stacks_may_fetch_them_at_once(programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(programs / "mvn", 'for last; do :; done; t="${last#*=}"; /bin/mkdir -p "$t"; printf jar > "$t/one.jar"')

    remove = shutil.rmtree

    def remove_then_be_overtaken(directory: Path, **options: Any) -> None:
        remove(directory, **options)
        if directory == kafka.JARS:
            directory.mkdir()
            (directory / "one.jar").write_text("jar")

    monkeypatch.setattr(shutil, "rmtree", remove_then_be_overtaken)
    assert fetched(tmp_path) == kafka.JARS
    assert [file.name for file in kafka.JARS.iterdir()] == ["one.jar"]


def test_a_directory_among_the_jars_is_none_of_them(programs: Path, tmp_path: Path, recipe: None) -> None:
    kafka.JARS.mkdir(parents=True)
    (kafka.JARS / "one.jar").mkdir()
    with pytest.raises(NoBroker, match="Maven, which is missing"):
        fetched(tmp_path)


def test_why_maven_failed_is_said_in_one_line(programs: Path, tmp_path: Path) -> None:
    program(programs / "mvn", "echo '[INFO] Scanning'; echo '[ERROR] The network is down'; echo '[ERROR] more'; exit 1")
    with pytest.raises(NoBroker) as refused:
        fetched(tmp_path)
    assert str(refused.value).startswith("Maven could not fetch Apache Kafka: The network is down (log: ")


def test_every_jar_is_listed_with_its_checksum() -> None:
    lines = [line.split("  ") for line in (RECIPE / "jars.sha256").read_text().splitlines()]
    assert all(len(checksum) == 64 and name.endswith(".jar") for checksum, name in lines)
    version = next(name for _, name in lines if name.startswith("kafka_2.13-")).removeprefix("kafka_2.13-")[:-4]
    assert f"<version>{version}</version>" in (RECIPE / "pom.xml").read_text()
