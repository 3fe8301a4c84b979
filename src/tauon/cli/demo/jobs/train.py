"""Trains a small network on scikit-learn's handwritten digits, in workers that average their gradients at each step.

All workers hold the same parameters. In each step each computes the gradient on its part of the batch; rank 0 collects
them over TCP, averages them and sends the mean back, so that all take the same step. Rank 0 saves the state as often as
the job said, and when it is told to stop; the next attempt goes on from there, to the same result.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import numpy as np

RANK = int(os.environ["RANK"])
WORLD_SIZE = int(os.environ["WORLD_SIZE"])
CHECKPOINT = Path(os.environ["TAUON_CHECKPOINT_DIR"]) / "state.npz"
SAVE_EVERY_S = float(os.environ["TAUON_CHECKPOINT_INTERVAL_S"])
RESULTS = Path(os.environ.get("RESULTS_DIR", "."))
STEPS = int(os.environ["STEPS"])

SHAPES = ((64, 64), (64,), (64, 10), (10,))  # pixels to hidden units to digits
BATCH = 128
LEARNING_RATE = 0.05
MOMENTUM = 0.9
CONNECT_WITHIN_S = 60.0

told_to_stop = False


class Peers:
    """The other workers, over TCP: rank 0 listens at MASTER_ADDR:MASTER_PORT, the others call it."""

    def __init__(self) -> None:
        address = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
        self.lines = self._await_calls(address) if RANK == 0 else [self._call(address)]

    def _await_calls(self, address: tuple[str, int]) -> list[socket.socket]:
        with socket.create_server(address) as server:
            server.settimeout(CONNECT_WITHIN_S)
            return [server.accept()[0] for _ in range(WORLD_SIZE - 1)]

    def _call(self, address: tuple[str, int]) -> socket.socket:
        give_up_at = time.monotonic() + CONNECT_WITHIN_S
        while True:
            try:
                return socket.create_connection(address, timeout=CONNECT_WITHIN_S)
            except ConnectionRefusedError:  # rank 0 does not listen yet
                if time.monotonic() > give_up_at:
                    raise
                time.sleep(0.05)

    def mean(self, numbers: np.ndarray) -> np.ndarray:
        """The mean of what all workers have, at every worker."""
        if RANK != 0:
            self.lines[0].sendall(numbers.tobytes())
            return receive(self.lines[0], numbers.size)
        total = numbers.copy()
        for line in self.lines:
            total += receive(line, numbers.size)
        return self.from_first(total / WORLD_SIZE)

    def from_first(self, numbers: np.ndarray) -> np.ndarray:
        """What rank 0 has, at every worker; the others give an array of the same size."""
        if RANK != 0:
            return receive(self.lines[0], numbers.size)
        for line in self.lines:
            line.sendall(numbers.tobytes())
        return numbers


def receive(line: socket.socket, count: int) -> np.ndarray:
    data = bytearray()
    while len(data) < count * 8:
        piece = line.recv(count * 8 - len(data))
        if not piece:
            raise ConnectionError("another worker has gone away")
        data += piece
    return np.frombuffer(data)


def parts(parameters: np.ndarray) -> list[np.ndarray]:
    """Weights and biases as views of one row of numbers."""
    edges = np.cumsum([int(np.prod(shape)) for shape in SHAPES])[:-1]
    return [part.reshape(shape) for part, shape in zip(np.split(parameters, edges), SHAPES, strict=True)]


def loss_and_gradient(parameters: np.ndarray, pixels: np.ndarray, digits: np.ndarray) -> tuple[float, np.ndarray]:
    """Cross-entropy of a network with one hidden layer, and how it changes with each parameter."""
    weights_1, bias_1, weights_2, bias_2 = parts(parameters)
    hidden = np.maximum(0, pixels @ weights_1 + bias_1)
    scores = hidden @ weights_2 + bias_2
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    odds /= odds.sum(axis=1, keepdims=True)
    rows = np.arange(len(digits))
    loss = float(-np.log(odds[rows, digits]).mean())
    odds[rows, digits] -= 1
    to_scores = odds / len(digits)
    to_hidden = (to_scores @ weights_2.T) * (hidden > 0)
    slopes = (pixels.T @ to_hidden, to_hidden.sum(axis=0), hidden.T @ to_scores, to_scores.sum(axis=0))
    return loss, np.concatenate([slope.ravel() for slope in slopes])


def accuracy(parameters: np.ndarray, pixels: np.ndarray, digits: np.ndarray) -> float:
    weights_1, bias_1, weights_2, bias_2 = parts(parameters)
    guessed = (np.maximum(0, pixels @ weights_1 + bias_1) @ weights_2 + bias_2).argmax(axis=1)
    return float((guessed == digits).mean())


def load_data(peers: Peers) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (0 to 1) and digits in a fixed random order; rank 0 reads them and the others get them from it."""
    table = np.empty((1797, 65))
    if RANK == 0:
        from sklearn.datasets import load_digits  # the others do without, and start sooner

        pixels, digits = load_digits(return_X_y=True)
        table = np.column_stack([pixels / 16.0, digits])[np.random.default_rng(0).permutation(len(digits))]
    table = peers.from_first(table.ravel()).reshape(-1, 65)
    return table[:, :64], table[:, 64].astype(int)


def first_state() -> tuple[int, np.ndarray]:
    """The step to begin with, and the parameters with their momentum: from the checkpoint if there is one."""
    if CHECKPOINT.exists():
        with np.load(CHECKPOINT) as saved:
            return int(saved["step"]), saved["state"]
    random = np.random.default_rng(1)
    weights = [random.normal(0, 0.1, shape).ravel() for shape in SHAPES]
    return 0, np.concatenate([*weights, np.zeros(sum(map(len, weights)))])


def save(path: Path, **arrays: np.ndarray) -> None:
    """Write a new file and rename it: a kill in the middle of a write then costs nothing."""
    half_written = path.with_name(f"new-{path.name}")
    np.savez(half_written, **arrays)  # type: ignore[arg-type] # its stub takes the names for its own options
    half_written.replace(path)


def heed_notice(_number: int, _frame: object) -> None:
    global told_to_stop  # noqa: PLW0603 - a signal handler has no other place
    told_to_stop = True


def train(peers: Peers, pixels: np.ndarray, digits: np.ndarray) -> np.ndarray:
    """Run the steps that are left; returns the parameters."""
    step, state = first_state()  # what rank 0 has counts
    step = int(peers.from_first(np.array([float(step)]))[0])
    state = peers.from_first(state)
    parameters, momentum = np.split(state.copy(), 2)
    if RANK == 0:
        print(f"resumed at step {step}" if step else f"{WORLD_SIZE} workers begin at step 0")
    saved_at = time.monotonic()
    while step < STEPS:
        batch = np.random.default_rng([2, step]).choice(len(digits), BATCH, replace=False)
        mine = batch[RANK::WORLD_SIZE]
        loss, gradient = loss_and_gradient(parameters, pixels[mine], digits[mine])
        mean = peers.mean(np.append(gradient, [loss, told_to_stop]))
        momentum = MOMENTUM * momentum - LEARNING_RATE * mean[:-2]
        parameters = parameters + momentum
        step += 1
        must_stop = mean[-1] > 0  # at least one worker was told, and now all know
        if RANK == 0 and (must_stop or step == STEPS or time.monotonic() - saved_at >= SAVE_EVERY_S):
            save(CHECKPOINT, step=np.array(step), state=np.concatenate([parameters, momentum]))
            saved_at = time.monotonic()
            print(f"saved at step {step} of {STEPS}, loss {mean[-2]:.4f}")
        if must_stop:
            raise SystemExit(1)
    return parameters


def main() -> None:
    signal.signal(signal.SIGTERM, heed_notice)
    peers = Peers()
    pixels, digits = load_data(peers)
    held_out = len(digits) // 4
    parameters = train(peers, pixels[held_out:], digits[held_out:])
    if RANK == 0:
        final_loss, _ = loss_and_gradient(parameters, pixels[held_out:], digits[held_out:])
        score = accuracy(parameters, pixels[:held_out], digits[:held_out])
        save(RESULTS / "model.npz", parameters=parameters, pixels=pixels[:held_out], digits=digits[:held_out])
        print(f"final loss {final_loss!r}")
        print(f"test accuracy {score:.4f} on {held_out} digits that it has not seen")


if __name__ == "__main__":
    main()
