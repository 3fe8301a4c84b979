"""What an engine's batch job runs: the supervisor of one attempt, on whatever machine the engine has chosen for it.

Started as `python3 -I -S batch.py ORDER` (and with `hand` behind it for one machine's part of a larger gang) from a copy of this package, so it needs neither Tauon nor anything else that
is installed. The order lies in a file that others can't read, and is removed once it is read.
"""

import os
import sys
from pathlib import Path
from types import ModuleType

_HERE = Path(__file__).resolve().parent

if __name__ == "__main__":
    for name, folder in (
        ("tauon", _HERE.parents[1]),
        ("tauon.supervision", _HERE.parent),
        ("tauon.supervision.node", _HERE),
    ):
        package = ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package
    from tauon.supervision.node.attend import attend, lend_a_hand

    code = lend_a_hand(Path(sys.argv[1])) if sys.argv[2:] == ["hand"] else attend(Path(sys.argv[1]))
    sys.stdout.flush()
    os._exit(code)
