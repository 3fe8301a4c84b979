# What `tauon` exports, for type checkers; at run time it is imported when it is first asked for.

from tauon.api.client import AsyncClient as AsyncClient
from tauon.api.sync_client import Client as Client
from tauon.model.job_spec import JobSpec as JobSpec

__version__: str
