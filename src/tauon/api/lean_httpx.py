"""httpx as a library: its command line, which it would import each time with rich and Pygments (50 ms), stays out."""

import sys

__all__ = ["httpx"]

_UNWANTED = "httpx._main"

_is_first = "httpx" not in sys.modules
if _is_first:
    sys.modules[_UNWANTED] = None  # type: ignore[assignment]  # so that importing it fails, which httpx is prepared for

import httpx  # noqa: E402

if _is_first:
    del sys.modules[_UNWANTED]
