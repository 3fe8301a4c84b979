"""The shell that the tests of this room run their commands in."""

import pytest

from tests.cli.shell import Shell


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.delenv("NO_COLOR", raising=False)
    return Shell(capsys, monkeypatch)
