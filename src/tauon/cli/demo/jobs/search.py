"""Searches for the settings of a support vector machine that tell handwritten digits apart best, one trial after another.

After each trial the scores so far are saved. A preempted search goes on with the trial that comes next.
"""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.svm import SVC

FOLDER = Path(os.environ["TAUON_CHECKPOINT_DIR"])
CHECKPOINT = FOLDER / "scores.json"
LEDGER = FOLDER / "started.txt"  # a line for each trial that was begun, so that work done twice would show
ATTEMPT = os.environ["TAUON_ATTEMPT_NUMBER"]
TRIALS = int(os.environ["TRIALS"])
FOLDS = 3

told_to_stop = False


def heed_notice(_number: int, _frame: object) -> None:
    global told_to_stop  # noqa: PLW0603 - a signal handler has no other place
    told_to_stop = True


def settings() -> list[tuple[float, float]]:
    """The pairs of C and gamma to try, the same in every attempt."""
    random = np.random.default_rng(3)
    return [(10 ** random.uniform(-1, 2), 10 ** random.uniform(-3, 0)) for _ in range(TRIALS)]


def cross_validated(c: float, gamma: float, pixels: np.ndarray, digits: np.ndarray) -> float:
    """The share of digits told right by models that have not seen them."""
    fold = np.arange(len(digits)) % FOLDS
    right = 0
    for held_out in range(FOLDS):
        seen = fold != held_out
        model = SVC(C=c, gamma=gamma).fit(pixels[seen], digits[seen])
        right += int((model.predict(pixels[~seen]) == digits[~seen]).sum())
    return right / len(digits)


def save(scores: list[float]) -> None:
    """Write a new file and rename it: a kill in the middle of a write then costs nothing."""
    half_written = CHECKPOINT.with_suffix(".new")
    half_written.write_text(json.dumps(scores))
    half_written.replace(CHECKPOINT)


def main() -> None:
    signal.signal(signal.SIGTERM, heed_notice)
    pixels, digits = load_digits(return_X_y=True)
    pixels = pixels / 16.0
    scores: list[float] = json.loads(CHECKPOINT.read_text()) if CHECKPOINT.exists() else []
    print(f"resumed at trial {len(scores)}" if scores else f"{TRIALS} trials to do")
    for c, gamma in settings()[len(scores) :]:
        with LEDGER.open("a") as ledger:
            ledger.write(f"{len(scores)} {ATTEMPT}\n")
        scores.append(cross_validated(c, gamma, pixels, digits))
        save(scores)
        print(f"saved after trial {len(scores)} of {TRIALS}: C {c:.2f}, gamma {gamma:.4f}, accuracy {scores[-1]:.4f}")
        if told_to_stop:
            print(f"told to stop after trial {len(scores)}")
            raise SystemExit(1)
    begun = [line.split()[0] for line in LEDGER.read_text().splitlines()]
    print(f"{len(scores)} trials, {len(begun) - len(set(begun))} of them done twice")
    best = int(np.argmax(scores))
    c, gamma = settings()[best]
    print(f"best accuracy {scores[best]:.4f} with C {c:.2f}, gamma {gamma:.4f}")


if __name__ == "__main__":
    main()
