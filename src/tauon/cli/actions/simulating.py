"""Play a world, show how each policy did, and write the report."""

from __future__ import annotations

from tauon.cli.command import Call
from tauon.cli.invocation import output_of, wiring_of
from tauon.cli.options import SimulateOptions
from tauon.cli.patience import Bar
from tauon.cli.render.simulation import comparison
from tauon.model.errors import InvalidRequest
from tauon.model.quantity import parse_duration_s
from tauon.ports.what_if import Comparison, Question


def play(call: Call, options: SimulateOptions) -> int:
    """`tauon simulate`."""
    output = output_of(call)
    question = _question(options)
    found = _played(call, question)
    output.show(found, comparison)
    if options.html is not None:
        from tauon.cli.render.simulation_page import page

        try:
            options.html.write_text(page(found), encoding="utf-8")
        except OSError as error:
            raise InvalidRequest(f"can't write {options.html}: {error.strerror}") from error
        output.note(f"The report is {options.html}.")
    return 0


def _question(options: SimulateOptions) -> Question:
    try:
        until_s = parse_duration_s(options.until) if options.until else None
    except ValueError as error:
        raise InvalidRequest(f"--until: {error}") from error
    return Question(
        source=options.source,
        policies=options.policy,
        seed=options.seed,
        until_s=until_s,
        nodes=options.nodes,
        gpu_only=options.gpu_only,
    )


def _played(call: Call, question: Question) -> Comparison:
    bars: dict[str, Bar] = {}

    def progress(what: str, done: int, total: int) -> None:
        if what not in bars:
            bars[what] = Bar(what)
        bars[what](done, total)

    try:
        return wiring_of(call).what_if().play(question, progress)
    finally:
        for bar in bars.values():
            bar.over()
