"""Looking after a server's state: proving the journal right, and who may log in."""

from __future__ import annotations

import time
from pathlib import Path

from tauon.api.connection import default_home
from tauon.cli.options import VerifyOptions
from tauon.cli.wiring import Progress, VerifyReport
from tauon.model.errors import ConfigError
from tauon.store.files import FileTokens
from tauon.store.verify import verify as replay


def verify(options: VerifyOptions, progress: Progress) -> VerifyReport:
    """Replay the whole journal and compare it with the rows, beside a running server too. Raises ConfigError."""
    home = (options.home or default_home()).expanduser()
    database = options.database or str(home / "tauon.db")
    if "://" not in database and not Path(database).exists():
        raise ConfigError(f"there is no database {database}; name one by --home or --database")
    started_s = time.monotonic()
    report = replay(database, progress=progress)
    return VerifyReport(
        events=report.events,
        jobs=report.jobs,
        duration_s=time.monotonic() - started_s,
        differences=list(report.differences),
    )


def logins(home: Path | None) -> FileTokens:
    """Who may log in to the server of a home. Raises ConfigError when there is none."""
    folder = (home or default_home()).expanduser()
    if not (folder / "tokens.json").exists():
        raise ConfigError(f"no server has ever run in {folder}; start one with `tauon up`, or name its home by --home")
    return FileTokens(folder / "tokens.json")
