"""Fetches a data set in parts over a line that breaks once, and goes on with the parts that are missing.

The failure is made up: the first attempt pretends that its connection was reset after the second part.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

FOLDER = Path(os.environ["TAUON_CHECKPOINT_DIR"])
RESTARTS = int(os.environ["TAUON_RESTART_COUNT"])
PARTS = 5
PART_BYTES = 1_000_000


def fetch(number: int) -> bytes:
    """One part of the data set. Raises ConnectionResetError in the first attempt, after the second part."""
    if RESTARTS == 0 and number == 2:
        raise ConnectionResetError(f"connection reset while part {number + 1} of {PARTS} was fetched")
    return hashlib.shake_256(str(number).encode()).digest(PART_BYTES)


def main() -> None:
    there = [number for number in range(PARTS) if (FOLDER / f"part-{number}").exists()]
    if there:
        print(f"{len(there)} of {PARTS} parts are there already")
    for number in range(PARTS):
        if number in there:
            continue
        try:
            data = fetch(number)
        except ConnectionError as error:
            raise SystemExit(f"failed: {error}") from None
        half_written = FOLDER / "part.new"
        half_written.write_bytes(data)
        half_written.replace(FOLDER / f"part-{number}")
        print(f"part {number + 1} of {PARTS}")
    size = sum((FOLDER / f"part-{number}").stat().st_size for number in range(PARTS))
    print(f"{size:,} bytes complete, {PARTS - len(there)} of {PARTS} parts fetched in this attempt")


if __name__ == "__main__":
    main()
