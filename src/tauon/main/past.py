"""The journal of a server as something that can be played again, read beside the server if it runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tauon.model.event import Event
from tauon.store.sql_store import SqlStore

SQLITE = b"SQLite format 3\x00"


def journal_at(source: str) -> Sequence[Event] | None:
    """All events of the database that a source names: an address, an SQLite file, or a server's home; None: no database.

    Raises StorageUnavailable or ConfigError.
    """
    address = _address(source)
    if address is None:
        return None
    store = SqlStore(address)
    try:
        return list(store.all_events())
    finally:
        store.close()


def _address(source: str) -> str | None:
    if "://" in source:
        return source
    path = Path(source).expanduser()
    if path.is_dir():
        path = path / "tauon.db"
    if not path.is_file():
        return None
    with path.open("rb") as opened:
        return str(path) if opened.read(len(SQLITE)) == SQLITE else None
