"""Generators trained and exported by others, and the project's own."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from tests.float_evaluator import assert_near, check, evaluate

ROOT = Path(__file__).parents[3]
SHARED = ROOT.parent / "shared"
#: Kinds of the layers that must come out, per file.
EXPECTED = {
    "zoo/dcgan_mnist32.onnx": ["conv_transpose"] * 4,
    "zoo/mnist_dcgan_k3.onnx": ["conv_transpose"] * 4,
    "zoo/celeba_face_dcgan32.onnx": ["conv_transpose", "conv", *["conv_transpose"] * 3],
    "zoo/anime_face_keras64.onnx": ["dense", *["conv_transpose"] * 5],
    "zoo/mnist_mlp_gan.onnx": ["dense"] * 3,
    "zoo/waifu2x_upconv7.onnx": [*["conv"] * 6, "conv_transpose"],
    "formats/dcgan_float_ts.onnx": ["conv_transpose"] * 5,
    "formats/dcgan_float_dynamo.onnx": ["conv_transpose"] * 5,
}


def test_example_model_matches_onnx_runtime():
    path = ROOT / "models" / "dcgan_mnist32.onnx"
    loaded, final = check(path)
    assert loaded.graph.name == final.name == "dcgan_mnist32"
    assert loaded.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert loaded.params == 296321
    assert [layer.name for layer in final.layers] == [f"l{n}_conv_transpose" for n in range(4)]
    assert final.layers[0].source.count(" + ") == 2


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPECTED)
def test_zoo_matches_onnx_runtime(name: str):
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{path} is absent")
    _, final = check(path)
    assert [layer.op.kind for layer in final.layers] == EXPECTED[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in EXPECTED if name.startswith("zoo/")])
def test_zoo_matches_the_outputs_of_its_authors(name: str):
    path = SHARED / name
    wanted = path.with_name(path.stem + "_output.npy")
    if not wanted.exists():
        pytest.skip(f"{wanted} is absent")
    _, final = check(path)
    (port,) = final.inputs
    values = {port.onnx_name: np.load(path.with_name(path.stem + "_input.npy"))}
    (out,) = final.outputs
    assert_near(out.from_stream(evaluate(final, values)[out.name][None]), np.load(wanted), name, 1e-3)
