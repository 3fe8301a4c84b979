"""Evaluates the network that `train` has left behind, digit by digit, on the test data that lies with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

MODEL = Path("inputs/results/model.npz")
HIDDEN = 64


def main() -> None:
    with np.load(MODEL) as saved:
        parameters, pixels, digits = saved["parameters"], saved["pixels"], saved["digits"]
    sizes = (pixels.shape[1] * HIDDEN, HIDDEN, HIDDEN * 10, 10)
    weights_1, bias_1, weights_2, bias_2 = np.split(parameters, np.cumsum(sizes)[:-1])
    hidden = np.maximum(0, pixels @ weights_1.reshape(-1, HIDDEN) + bias_1)
    guessed = (hidden @ weights_2.reshape(HIDDEN, 10) + bias_2).argmax(axis=1)
    right = guessed == digits
    for digit in range(10):
        print(f"digit {digit}: {right[digits == digit].mean():.3f}")
    print(f"test accuracy {right.mean():.4f} on {len(digits)} digits")


if __name__ == "__main__":
    main()
