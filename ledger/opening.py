"""A ledger file opened safely: its settings asserted, its schema brought up to date, or refused."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from sqlite_utils import Database

from ledger.schema import FACTS, FACTS_OF_3, VERSION_1, VERSION_2, VERSION_3, no_change
from ledger.views import VIEWS

SCHEMA_VERSION = 3
BUSY_MILLISECONDS = 5000
SETTINGS = {
    "journal_mode": "wal",
    "synchronous": 2,  # FULL: a committed fact survives a power cut
    "foreign_keys": 1,
    "busy_timeout": BUSY_MILLISECONDS,
}


class LedgerError(Exception):
    """The ledger cannot be used; the text is one line with the cause and the remedy."""


# What brings a ledger to each version from the one before.
MIGRATIONS = {
    1: VERSION_1 + "".join(map(no_change, FACTS)),
    2: VERSION_2,
    3: VERSION_3 + "".join(map(no_change, FACTS_OF_3)),
}


def open_writable(path: Path) -> Database:
    """The ledger at `path`, made if it is not there, migrated if it is older.

    Raises LedgerError where it cannot be used; the file is left as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        db = Database(sqlite3.connect(path, isolation_level=None, timeout=BUSY_MILLISECONDS / 1000))
        _check_version(db, path)
        for name, value in SETTINGS.items():
            db.conn.execute(f"PRAGMA {name} = {value}").fetchone()
            if (found := db.conn.execute(f"PRAGMA {name}").fetchone()[0]) != value:
                raise LedgerError(f"{path}: SQLite keeps {name} at {found}, {value} is needed")
        _migrate(db)
        _make_views(db)
    except (sqlite3.Error, OSError) as error:
        raise _unusable(path, error) from error
    return db


def open_readonly(path: Path) -> Database:
    """The ledger at `path` for reading, while others may write. Raises LedgerError."""
    if not path.exists():
        raise LedgerError(f"there is no ledger at {path} yet: `agent.py run` makes one")
    try:
        db = Database(
            sqlite3.connect(
                f"{path.resolve().as_uri()}?mode=ro",
                uri=True,
                isolation_level=None,
                timeout=BUSY_MILLISECONDS / 1000,
            )
        )
        _check_version(db, path)
    except (sqlite3.Error, OSError) as error:
        raise _unusable(path, error) from error
    return db


def _migrate(db: Database) -> None:
    """The ledger at this program's version, all steps or none; another process may do it first."""
    if _version(db) == SCHEMA_VERSION:
        return
    db.conn.execute("BEGIN IMMEDIATE")
    try:
        for version in range(_version(db) + 1, SCHEMA_VERSION + 1):
            for statement in _statements(MIGRATIONS[version]):
                db.conn.execute(statement)
        db.conn.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        db.conn.execute("COMMIT")
    except sqlite3.Error:
        db.conn.execute("ROLLBACK")
        raise


def _statements(script: str) -> Iterator[str]:
    """Each statement of a script; the semicolons inside a trigger do not part it."""
    statement = ""
    for piece in script.split(";")[:-1]:
        statement += piece + ";"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _version(db: Database) -> int:
    return int(db.conn.execute("PRAGMA user_version").fetchone()[0])


def _check_version(db: Database, path: Path) -> None:
    version = _version(db)
    if version > SCHEMA_VERSION:
        raise LedgerError(
            f"{path}: its schema is version {version}, this program knows {SCHEMA_VERSION}: "
            "use the newer program that wrote it"
        )
    if version == 0 and db.table_names():
        raise LedgerError(f"{path}: a database of something else; name another state_dir")


def _make_views(db: Database) -> None:
    """The views as this program defines them; nothing is written where they already stand."""
    wanted = {name: f"CREATE VIEW {name} AS {sql.strip()}" for name, sql in VIEWS.items()}
    found = dict(db.conn.execute("SELECT name, sql FROM sqlite_master WHERE type = 'view'"))
    if found == wanted:
        return
    db.conn.execute("BEGIN IMMEDIATE")
    for name in found:
        db.conn.execute(f"DROP VIEW IF EXISTS {name}")
    for sql in wanted.values():
        db.conn.execute(sql)
    db.conn.execute("COMMIT")


def _unusable(path: Path, error: Exception) -> LedgerError:
    return LedgerError(
        f"{path}: the ledger cannot be used ({error}): "
        "check the file's rights and the disk, or move it away and start a new one"
    )
