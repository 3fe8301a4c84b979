"""Submit jobs, all of them at once, and stay with them if that is wanted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from tauon.cli.actions.drafting import drafts
from tauon.cli.actions.following import ended, waited_for
from tauon.cli.actions.logs import follow
from tauon.cli.command import Call
from tauon.cli.invocation import ask
from tauon.cli.options import LogOptions, RunOptions
from tauon.cli.output import Output
from tauon.cli.render.words import count
from tauon.cli.screen import Screen
from tauon.model.job_spec import JobSpec
from tauon.service.control_plane import ControlPlane
from tauon.service.views import Submitted


def check_only(output: Output, options: RunOptions) -> int:
    """`tauon run --dry-run`: what would be submitted."""
    specs = [spec.model_dump(mode="json", exclude_unset=True) for spec in drafts(options)]
    if output.is_for_people:
        import yaml

        output.write(yaml.safe_dump_all(specs, sort_keys=False, allow_unicode=True, width=120))
    else:
        output.show(specs, lambda *_: "")
    output.note(f"{count(len(specs), 'job')}, nothing wrong; nothing was submitted.")
    return 0


def submit(call: Call, options: RunOptions) -> int:
    """`tauon run`: what is wrong with the documents is said before anyone is asked."""
    specs = drafts(options)

    async def submitted_to(plane: ControlPlane, output: Output, options: RunOptions) -> int:
        return await _submit(plane, output, options, specs)

    return ask(call, submitted_to, options)


async def _submit(plane: ControlPlane, output: Output, options: RunOptions, specs: Sequence[JobSpec]) -> int:
    """Folders named by `workdir` are uploaded by the control plane that `connect` gave."""
    if not any(spec.workdir for spec in specs):
        _hint(output, options)
    packs = "packing its folder, " if any(spec.workdir for spec in specs) else ""
    output.patience.wait(f"{packs}submitting {count(len(specs), 'job')}")
    if len(specs) == 1:
        jobs = [await plane.submit(specs[0], key=options.key)]
    else:
        jobs = await plane.submit_many(specs, key=options.key)
    output.patience.over()
    stays = options.follow or options.wait
    if not stays or not output.is_for_people:
        output.show(jobs, submitted)
    return await _stay(plane, output, jobs, options) if stays else 0


async def _stay(plane: ControlPlane, output: Output, jobs: Sequence[Submitted], options: RunOptions) -> int:
    """Wait for the jobs, one after the other; the exit code is that of the first that did not succeed."""
    codes = []
    try:
        for job in jobs:
            if options.follow:
                output.note(f"{job.id} ({job.name}) is submitted")
                wanted = LogOptions(job=job.id, follow=True, rank=None, attempt=None, tail=None)
                detail = await follow(plane, output, wanted)
            else:
                detail = await waited_for(plane, output, job.id)
            codes.append(ended(output, detail))
    except asyncio.CancelledError:
        ids = " ".join(job.id for job in jobs[len(codes) :])
        output.note(f"\nYou no longer watch {ids}, which goes on. `tauon cancel {ids}` stops it.")
        raise
    return next((code for code in codes if code), 0)


def submitted(jobs: Sequence[Submitted], screen: Screen) -> str:
    """What was taken: on a terminal with what can be done next, in a pipe the ids alone."""
    if not screen.is_terminal:
        return "\n".join(job.id for job in jobs)
    lines = [
        f"{screen.style(job.id, 'bold')} ({job.name}) "
        + ("was submitted under this key before" if job.existing else "is submitted")
        for job in jobs
    ]
    last = jobs[-1].id
    return "\n".join([*lines, f"`tauon logs -f {last}` follows it, `tauon explain {last}` says why it waits."])


def _hint(output: Output, options: RunOptions) -> None:
    """A command that names a file of this folder hardly works without the folder."""
    here = [
        word for word in options.command or () if not word.startswith("-") and "/" not in word and Path(word).is_file()
    ]
    if here and options.command is not None and not options.files:
        output.note(f"note: {here[0]} is a file here, but jobs run in a folder of their own: bring this one with -C .")
