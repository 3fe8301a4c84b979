"""The shells that submit: what sbatch says comes back whole, and one that hangs is given up with all that it started."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tauon.model.errors import NotReady, Rejected
from tauon.providers.slurm.commands import Commands
from tauon.providers.slurm.options import SlurmOptions
from tauon.providers.slurm.submitters import Submitters
from tauon.supervision.node.identity import process_table
from tests.providers.local.world import command_of

# Answers by the name of the script that it is given, as the real one would.
SBATCH = """#!/bin/sh
case "$2" in
    *wrong*) echo 'sbatch: error: Batch job submission failed: Requested node configuration is not available' >&2; exit 1;;
    *hangs*) exec sleep 3600.25;;
    *noisy*) echo 'sbatch: a word of a plugin' >&2; echo '77;cluster';;
    *) echo "${2##*/}";;
esac
"""


@pytest.fixture
def submitters(tmp_path: Path) -> Iterator[Submitters]:
    command = tmp_path / "sbatch"
    command.write_text(SBATCH, encoding="ascii")
    command.chmod(0o700)
    one = Submitters(Commands(SlurmOptions(commands=str(tmp_path))), timeout_s=60)
    yield one
    one.close()


def test_many_at_once_get_their_own_answers(submitters: Submitters) -> None:
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(submitters.submit, (f"/a folder/{n}" for n in range(40)))) == list(range(40))


def test_words_around_the_id_do_not_matter(submitters: Submitters) -> None:
    assert submitters.submit("noisy") == 77


def test_what_sbatch_refuses_is_told_and_the_shell_goes_on(submitters: Submitters) -> None:
    with pytest.raises(Rejected, match="Requested node configuration is not available"):
        submitters.submit("wrong")
    assert submitters.submit("5") == 5


def test_an_sbatch_that_hangs_is_given_up_and_ended(submitters: Submitters) -> None:
    submitters._timeout_s = 0.5
    with pytest.raises(NotReady, match="has not answered"):
        submitters.submit("hangs")
    give_up_s = time.monotonic() + 30
    while any("3600.25" in command_of(row.pid) for row in process_table() if not row.is_gone):
        assert time.monotonic() < give_up_s, "it runs on"
    submitters._timeout_s = 60
    assert submitters.submit("6") == 6
