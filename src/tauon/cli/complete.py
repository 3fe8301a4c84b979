"""What the shell completes beyond flags: ids of jobs, nodes and queues, asked of the server and given up on after a second."""

from __future__ import annotations

import contextlib
from typing import Any

import click
from click.shell_completion import CompletionItem

_PATIENCE_S = 1.5


def job_ids(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of live jobs, with their names; names too if that is how the word begins."""
    return _asked("jobs", context, incomplete)


def node_ids(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of nodes."""
    return _asked("nodes", context, incomplete)


def queue_names(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of queues."""
    return _asked("queues", context, incomplete)


def secret_names(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of secrets."""
    return _asked("secrets", context, incomplete)


def _asked(what: str, context: click.Context, incomplete: str) -> list[CompletionItem]:
    from tauon.cli.actions.completing import candidates

    found: dict[str, Any] = {}
    with contextlib.suppress(Exception):  # nothing may be printed into a half-written command line
        found = candidates(what, context, _PATIENCE_S)
    return [CompletionItem(word, help=about) for word, about in found.items() if word.startswith(incomplete)]
