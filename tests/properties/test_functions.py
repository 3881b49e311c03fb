"""Random tangles of elementwise operators with one computed input are what ONNX Runtime computes."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from gan2hls.base.errors import UnsupportedError
from tests.float_evaluator import check
from tests.onnx_models import f32, save

_RNG = np.random.default_rng(0)
CONSTANTS = {
    "w": f32(_RNG, 6, 8),
    "k0": np.float32(0),
    "k1": np.float32(1),
    "k2": np.float32(-0.7),
    "k3": np.float32(0.3),
    "p1": f32(_RNG, 8),
    "p2": np.abs(f32(_RNG, 8)),
}
STRAIGHT = ["Relu", "Abs", "Neg", "LeakyRelu<alpha = 0.3>", "HardSigmoid", "Identity"]
CURVED = ["Tanh", "Sigmoid", "Elu", "Softplus", "Erf", "HardSwish", "Atan", "Floor"]


def tangle(rng: random.Random) -> str:
    """Return the body of a model: nodes that read the last few values, constants, and values from further back."""
    straight = rng.random() < 0.5
    constants = ["k0", "k1", "k2", "k3", *(["p1", "p2"] if rng.random() < 0.3 else [])]
    names, body = ["h"], "h = Gemm(x, w) "
    for n in range(rng.randint(2, 7)):
        made, late, early = f"t{n}", rng.choice(names[-3:]), rng.choice(names)
        match rng.choice(["unary", "constant", "join", "where"]):
            case "unary":
                body += f"{made} = {rng.choice(STRAIGHT if straight else STRAIGHT + CURVED)}({late}) "
            case "constant":
                op = rng.choice(["Add", "Sub", "Mul", "Max", "Min"])
                body += f"{made} = {op}({late}, {rng.choice(constants)}) "
            case "join":
                op = rng.choice(["Add", "Sub", "Max", "Min", *([] if straight else ["Mul"])])
                body += f"{made} = {op}({names[-1]}, {early}) "
            case "where":
                body += f"c{n} = Greater({late}, {rng.choice(constants)}) {made} = Where(c{n}, {names[-1]}, {early}) "
        names.append(made)
    return f"{body} y = Add({names[-1]}, {rng.choice(names)})"


@pytest.mark.parametrize("first", range(0, 80, 20))
def test_random_functions(tmp_path: Path, first: int):
    count = Counter({"built": 0})
    for seed in range(first, first + 20):
        path = save(tmp_path, tangle(random.Random(seed)), (1, 6), CONSTANTS)
        try:
            _, final = check(path, seeds=(seed,))
        except UnsupportedError as error:
            count[f"refused: {error.message}"] += 1
        else:
            count["built"] += 1
            count.update(type(point).__name__ for layer in final.layers for point in layer.points)
    assert count["built"] == 20 and count["Leaky"] and count["Function"], count
