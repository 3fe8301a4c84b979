"""Find accelerators, parallelism and precision for a model: read what it is, get prices, rank, show."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from tauon.cli.command import Call
from tauon.cli.invocation import ask, output_of
from tauon.cli.money_options import TuneOptions
from tauon.cli.output import Output
from tauon.cli.render.tune import tuning
from tauon.economics.tuning.calibrate import Correction
from tauon.economics.tuning.chips import CHIPS, Precision, chip_named
from tauon.economics.tuning.known import MODELS, known
from tauon.economics.tuning.roofline import Load, Run, serving, training
from tauon.economics.tuning.search import Goal, Place, Tuning, tune_serving, tune_training
from tauon.economics.tuning.transformer import Transformer, read_config
from tauon.model.accelerator import canonical_type
from tauon.model.errors import InvalidRequest, NotFound
from tauon.model.money import usd_per_h_to_micro
from tauon.model.quantity import parse_duration_s
from tauon.service.control_plane import ControlPlane
from tauon.service.views import NodeView

_PRICE = re.compile(r"(?P<type>[^=]+)=(?P<usd>[^:]+)(:(?P<count>[1-9][0-9]{0,5}))?")
_MEASURED = re.compile(r"(?P<type>[^:]+):(?P<gpus>[1-9][0-9]{0,3}):(?P<rate>[0-9.e+]+)")
_JOB = re.compile(r"j[0-9]{1,18}")
MODEL_LABEL = "model"


def tune_model(call: Call, options: TuneOptions) -> int:
    """`tauon tune`; a server is asked only for what was not said: the prices, or what the job's model is."""
    model = _model(options.model)
    if model is not None and options.price:
        return _tuned(output_of(call), options, model, _places(options.price))
    return ask(call, _with_server, options)


async def _with_server(plane: ControlPlane, output: Output, options: TuneOptions) -> int:
    model = _model(options.model) or await _model_of_job(plane, options.model)
    places = _places(options.price) or places_of(await plane.nodes())
    if not places:
        raise InvalidRequest(
            "the server has no accelerators with a data sheet: say what they cost, as in --price H100=2.49"
        )
    return _tuned(output, options, model, places)


def _tuned(output: Output, options: TuneOptions, model: Transformer, places: Sequence[Place]) -> int:
    goal = Goal(
        first_token_s=_seconds(options.first_token, "--first-token"),
        per_token_s=_seconds(options.per_token, "--per-token"),
        tokens=options.tokens,
        deadline_h=None if not options.deadline else (_seconds(options.deadline, "--deadline") or 0.0) / 3600,
    )
    if goal.deadline_h is not None and goal.tokens is None:
        raise InvalidRequest("--deadline needs --tokens: how much is to be done by then")
    factors = _corrections(options, model)
    places = [replace(place, precisions=tuple(Precision(name) for name in options.precision)) for place in places]

    def correct(accelerator: str) -> float:
        return factors.get(accelerator, 1.0)

    found: Tuning
    if options.train:
        found = tune_training(model, places, _run(options), goal, correct=correct)
    else:
        found = tune_serving(model, places, _load(options), goal, correct=correct)
    output.show(replace(found, choices=found.choices[: options.top]), tuning)
    return 0


def _load(options: TuneOptions) -> Load:
    return Load(prompt=options.prompt, output=options.answer)


def _run(options: TuneOptions) -> Run:
    return Run(sequence=options.sequence, micro_batch=options.micro_batch, batch=options.batch)


def _model(text: str) -> Transformer | None:
    """By name or by file; None for what may be a job."""
    path = Path(text)
    if path.is_dir():
        path = path / "config.json"
    if path.is_file():
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InvalidRequest(f"can't read {path}: {error}") from error
        if not isinstance(config, dict):
            raise InvalidRequest(f"{path} is no configuration of a model: it holds no fields")
        return read_config(config, str(config.get("_name_or_path") or path.parent.name or path.name))
    found = known(text)
    if found is None and not _JOB.fullmatch(text):
        raise NotFound(f"there is no model {text!r}: give a config.json, or one of {', '.join(MODELS)}")
    return found


async def _model_of_job(plane: ControlPlane, job: str) -> Transformer:
    labels = (await plane.job(job)).job.labels
    if MODEL_LABEL not in labels:
        raise InvalidRequest(
            f"{job} does not say which model it runs: give it the label `{MODEL_LABEL}`, as in model=Qwen3-32B"
        )
    found = _model(labels[MODEL_LABEL])
    if found is None:
        raise NotFound(f"{job} runs {labels[MODEL_LABEL]!r}, of which nothing is known: give its config.json instead")
    return found


def _places(texts: Sequence[str]) -> list[Place]:
    places = []
    for text in texts:
        match = _PRICE.fullmatch(text)
        if match is None:
            raise InvalidRequest(f"--price: write TYPE=USD or TYPE=USD:COUNT, such as H100=2.49:64, not {text!r}")
        chip = chip_named(match["type"].strip())
        try:
            usd = usd_per_h_to_micro(match["usd"].strip()) / 1e6
        except ValueError as error:
            raise InvalidRequest(f"--price {text}: {error}") from error
        places.append(Place(accelerator=chip.name, usd_per_h=usd, most=int(match["count"] or 64)))
    return places


def places_of(nodes: Sequence[NodeView]) -> list[Place]:
    """The types that a server's nodes have, with a data sheet: at a node's price by its accelerators, the cheapest of a pool."""
    prices: dict[tuple[str, str], float] = {}
    counts: dict[tuple[str, str], int] = {}
    for node in nodes:
        type_ = canonical_type(node.accelerator)
        if type_ in CHIPS and node.accelerators:
            key = (node.pool, type_)
            price = float(node.price_usd_per_h) / node.accelerators
            prices[key] = min(prices.get(key, price), price)
            counts[key] = counts.get(key, 0) + node.accelerators
    return [Place(pool=key[0], accelerator=key[1], usd_per_h=price, most=counts[key]) for key, price in prices.items()]


def _corrections(options: TuneOptions, model: Transformer) -> dict[str, float]:
    """Factors by type from what was measured: on so many GPUs, so many tokens a second, in bf16 (or what the chip has)."""
    found: dict[str, Correction] = {}
    for text in options.measured:
        match = _MEASURED.fullmatch(text)
        if match is None or float(match["rate"]) <= 0:
            raise InvalidRequest(f"--measured: write TYPE:GPUS:TOKENS_PER_S, such as H100:2:1850, not {text!r}")
        chip, gpus, rate = chip_named(match["type"]), int(match["gpus"]), float(match["rate"])
        if options.train:
            told = training(model, chip, (1, 1, gpus), Precision.BF16, _run(options)).tokens_per_s
        else:
            told = serving(model, chip, gpus, Precision.BF16, _load(options)).tokens_per_s
        found[chip.name] = found.get(chip.name, Correction()).after(1 / told, 1 / rate)
    return {name: correction.factor for name, correction in found.items()}


def _seconds(text: str, flag: str) -> float | None:
    if not text:
        return None
    try:
        if text.endswith("ms"):
            return float(text.removesuffix("ms")) / 1000
        return parse_duration_s(text)
    except ValueError as error:
        raise InvalidRequest(f"{flag}: {error}") from error
