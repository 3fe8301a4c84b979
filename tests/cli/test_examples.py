"""The examples are right: every job of them is taken as it is, and the server's too."""

from pathlib import Path

import pytest

from tauon.service.config_file import read_config
from tauon.service.documents import parse_specs
from tests.cli.shell import Shell

EXAMPLES = Path(__file__).parents[2] / "examples"
JOBS = sorted(path for path in EXAMPLES.glob("*.yaml") if path.name not in ("server.yaml", "worked-case.yaml"))


@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
def test_an_example_is_a_job_and_says_what_for(shell: Shell, path: Path) -> None:
    assert path.read_text().startswith("# ")
    assert shell("run", str(path)).code == 0
    assert list(shell.submitted) == parse_specs(path.read_bytes(), source=str(path))


def test_numbers_stay_as_they_are_written() -> None:
    specs = parse_specs((EXAMPLES / "sweep.yaml").read_text())
    assert [spec.env["LEARNING_RATE"] for spec in specs] == ["0.01", "0.03", "0.10"]


def test_the_servers_example_is_a_configuration() -> None:
    config = read_config(EXAMPLES / "server.yaml")
    assert [pool.name for pool in config.pools] == ["laptop"]
    assert len(config.queues) == 3
