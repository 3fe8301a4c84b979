"""Tauon is one queue for every GPU you can reach."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
"""The version of the distribution; the build reads it from here and nowhere else."""

__all__ = ["AsyncClient", "Client", "JobSpec", "__version__"]

# Imported when they are first asked for: `tauon --help` waits for neither HTTP nor Pydantic.
_ROOMS = {
    "AsyncClient": "tauon.api.client",
    "Client": "tauon.api.sync_client",
    "JobSpec": "tauon.model.job_spec",
}


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'tauon' has no attribute {name!r}")
    return getattr(import_module(_ROOMS[name]), name)
