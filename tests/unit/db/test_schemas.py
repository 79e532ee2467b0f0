"""Which files make up which database."""

from pathlib import Path

from libs.db.schemas import schemas


def test_databases_are_found_by_their_files(tmp_path: Path) -> None:
    migrations = tmp_path / "services" / "identity" / "migrations"
    (migrations / "vault").mkdir(parents=True)
    (migrations / "0001_subject.sql").touch()
    (migrations / "vault" / "0001_key.sql").touch()
    (tmp_path / "services" / "gateway").mkdir()
    found = schemas(tmp_path)
    assert list(found) == ["identity", "vault"]
    assert found["identity"].directories == (
        tmp_path / "libs/db/sql",
        tmp_path / "libs/outbox/sql",
        tmp_path / "libs/events/sql",
        migrations,
    )
    assert found["vault"].directories == (tmp_path / "libs/db/sql", migrations / "vault")
