"""The script that the launcher is started with: it binds the package names to their folders and goes on in there.

The packages above are entered without running their `__init__`, for those need what is installed beside Tauon, and the
launcher runs without it (`-I -S`): that saves its memory, and keeps whatever is installed out of it.
"""

import sys
from pathlib import Path
from types import ModuleType


def bind_packages(here: Path) -> None:
    """Make `tauon.supervision.node` importable from its folder, `here`."""
    name = ""
    for part, folder in (("tauon", here.parents[1]), ("supervision", here.parent), ("node", here)):
        name = f"{name}.{part}".lstrip(".")
        package = ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package


if __name__ == "__main__":
    bind_packages(Path(__file__).resolve().parent)
    from tauon.supervision.node.launcher import main

    main()
