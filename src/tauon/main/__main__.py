"""`python -m tauon.main` is the command `tauon`."""

import sys

from tauon.main import run

sys.exit(run())
