"""The documentation keeps up with the code: generated pages are current, direct dependencies all have their reason."""

import re
import subprocess
import sys
import tomllib

from tests.house.source import ROOT


def test_generated_pages_are_current() -> None:
    script = ROOT / "docs" / "generate.py"
    compared = subprocess.run(
        [sys.executable, script, "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert compared.returncode == 0, f"{compared.stdout}{compared.stderr}\nRun `make docs` and commit what it wrote."


def test_every_direct_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"].values()
    asked = [*project["project"]["dependencies"], *(one for extra in extras for one in extra)]
    asked += [one for group in project["dependency-groups"].values() for one in group if isinstance(one, str)]
    names = {re.split(r"[\[<>=; ]", one)[0] for one in asked}
    page = (ROOT / "docs" / "explanation" / "dependencies.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| `([^`]+)` \|", page, flags=re.MULTILINE))
    assert explained == names
