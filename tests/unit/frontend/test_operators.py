"""Every operator and variant, held to ONNX Runtime through the front end and the passes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan2hls.frontend.operators import SUPPORTED
from gan2hls.frontend.quantizers import QDQ_OPS, QONNX_OPS
from tests.float_evaluator import check
from tests.onnx_models import NEWEST, f32, save

RNG = np.random.default_rng(7)
BN = {
    "s": RNG.uniform(-1.5, 1.5, 3).astype(np.float32),
    "o": f32(RNG, 3),
    "m": f32(RNG, 3),
    "v": RNG.uniform(0.5, 2, 3).astype(np.float32),
}

#: Attributes, input channels, output channels, groups, spatial input.
CONVS = [
    ("", 2, 3, 1, (5, 6)),
    ("strides = [2, 3], pads = [1, 0, 2, 1]", 2, 3, 1, (7, 8)),
    ("dilations = [2, 1], pads = [2, 1, 2, 1]", 2, 2, 1, (6, 5)),
    ("group = 2, pads = [1, 1, 1, 1]", 4, 6, 2, (4, 4)),
    ('auto_pad = "SAME_UPPER", strides = [2, 2]', 2, 2, 1, (5, 6)),
    ('auto_pad = "SAME_LOWER", strides = [2, 3]', 2, 2, 1, (6, 7)),
    ('auto_pad = "VALID", strides = [2, 2]', 2, 2, 1, (6, 7)),
    ("pads = [3, 3, 3, 3]", 1, 2, 1, (2, 2)),
]
TRANSPOSED = [
    ("", 2, 3, 1, (3, 4)),
    ("strides = [2, 2], pads = [1, 1, 1, 1], output_padding = [1, 1]", 2, 3, 1, (3, 4)),
    ("strides = [3, 4], pads = [0, 1, 1, 0]", 2, 3, 1, (3, 3)),
    ("dilations = [2, 2], strides = [2, 1]", 2, 2, 1, (3, 3)),
    ("group = 2, strides = [2, 2]", 4, 6, 2, (3, 3)),
    ("strides = [2, 2], output_shape = [6, 7]", 2, 2, 1, (3, 3)),
    ("strides = [2, 2], output_shape = [6, 6], output_padding = [1, 1]", 2, 2, 1, (3, 3)),
    ('strides = [2, 2], output_shape = [6, 6], auto_pad = "SAME_UPPER"', 2, 2, 1, (3, 3)),
    ('auto_pad = "SAME_UPPER", strides = [2, 2]', 2, 2, 1, (3, 4)),
    ('auto_pad = "SAME_LOWER", strides = [2, 1]', 2, 2, 1, (3, 4)),
    ('auto_pad = "VALID", strides = [2, 2]', 2, 2, 1, (3, 4)),
    ("strides = [4, 4]", 1, 1, 1, (2, 2)),
]


def _angle(attributes: str) -> str:
    return f"<{attributes}>" if attributes else ""


@pytest.mark.parametrize("kernel", [(3, 3), (4, 2), (1, 5)])
@pytest.mark.parametrize("case", CONVS, ids=str)
def test_conv(tmp_path: Path, case: tuple, kernel: tuple[int, int]):
    attributes, ci, co, groups, size = case
    if attributes == "" and kernel == (1, 5):
        attributes = "kernel_shape = [1, 5]"
    weights = {"w": f32(RNG, co, ci // groups, *kernel), "b": f32(RNG, co)}
    _, final = check(save(tmp_path, f"y = Conv{_angle(attributes)}(x, w, b)", (1, ci, *size), weights))
    assert [layer.op.kind for layer in final.layers] == ["conv"]


@pytest.mark.parametrize("kernel", [(3, 3), (4, 2), (1, 5)])
@pytest.mark.parametrize("case", TRANSPOSED, ids=str)
def test_conv_transpose(tmp_path: Path, case: tuple, kernel: tuple[int, int]):
    attributes, ci, co, groups, size = case
    weights = {"w": f32(RNG, ci, co // groups, *kernel)}
    _, final = check(save(tmp_path, f"y = ConvTranspose{_angle(attributes)}(x, w)", (1, ci, *size), weights))
    assert [layer.op.kind for layer in final.layers] == ["conv_transpose"]
    geometry = final.layers[0].op.geometry
    assert geometry.transposed and geometry.useful_macs <= geometry.zero_insertion_macs


def test_one_dimension_is_a_map_of_one_column(tmp_path: Path):
    body = (
        "a = ConvTranspose<strides = [2], pads = [1, 0], output_padding = [1]>(x, w, b)\n"
        "y = Conv<pads = [0, 2], dilations = [2]>(a, v)"
    )
    weights = {"w": f32(RNG, 3, 2, 4), "b": f32(RNG, 2), "v": f32(RNG, 4, 2, 3)}
    _, final = check(save(tmp_path, body.replace("\n", " "), (1, 3, 5), weights))
    assert [layer.shape[1] for layer in final.layers] == [1, 1]


GEMMS = [
    ("Gemm(x, w, b)", (1, 4), {"w": (4, 5), "b": (5,)}),
    ("Gemm<transB = 1, alpha = 0.5, beta = 2.0>(x, w, b)", (1, 4), {"w": (5, 4), "b": (1, 5)}),
    ("Gemm(x, w)", (1, 4), {"w": (4, 5)}),
    ("Gemm(x, w, b)", (1, 4), {"w": (4, 5), "b": (1,)}),
    ("MatMul(x, w)", (1, 4), {"w": (4, 5)}),
    ("MatMul(x, w)", (1, 1, 4), {"w": (1, 4, 5)}),
    ("MatMul(x, w)", (1, 6, 4), {"w": (4, 5)}),
    ("MatMul(x, w)", (1, 2, 3, 4), {"w": (4, 5)}),
    ("MatMul(w, x)", (1, 4, 3), {"w": (5, 4)}),
]


@pytest.mark.parametrize(("call", "shape", "constants"), GEMMS, ids=str)
def test_matrix_products(tmp_path: Path, call: str, shape: tuple, constants: dict):
    weights = {name: f32(RNG, *size) for name, size in constants.items()}
    _, final = check(save(tmp_path, f"y = {call}", shape, weights))
    assert [layer.op.kind for layer in final.layers] == ["dense" if np.prod(shape) == 4 else "conv"]


@pytest.mark.parametrize(
    "call", ["Gemm<transA = 1>(t, w, b)", "Gemm<transA = 1, transB = 1>(t, v, b)", "Gemm(v, t)", "MatMul(v, t)"]
)
def test_products_with_transposed_operands(tmp_path: Path, call: str):
    weights = {"w": f32(RNG, 4, 5), "v": f32(RNG, 5, 4), "b": f32(RNG, 5), "n": np.array([1, 5])}
    body = f"t = Transpose<perm = [1, 0]>(x) p = {call} y = Reshape(p, n)"
    _, final = check(save(tmp_path, body, (1, 4), weights))
    assert [layer.op.kind for layer in final.layers] == ["dense"]


def test_product_of_a_computed_right_operand_with_bias(tmp_path: Path):
    weights = {"w": f32(RNG, 5, 4), "b": f32(RNG, 5, 1), "n": np.array([1, 5])}
    body = "t = Transpose(x) p = Gemm(w, t, b) y = Reshape(p, n)"
    check(save(tmp_path, body, (1, 4), weights))


#: Call after a convolution of 3 channels, the constants, and how many layers come out.
POINTWISE = [
    ("BatchNormalization(a, s, o, m, v)", BN),
    ("BatchNormalization<epsilon = 0.1>(a, s, o, m, v)", BN),
    ("Add(a, c)", {"c": (3, 1, 1)}),
    ("Add(c, a)", {"c": (1, 3, 1, 1)}),
    ("Add(a, c)", {"c": ()}),
    ("Sub(a, c)", {"c": (3, 1, 1)}),
    ("Sub(c, a)", {"c": (1,)}),
    ("Mul(a, c)", {"c": (1, 3, 1, 1)}),
    ("Mul(c, a)", {"c": ()}),
    ("Div(a, c)", {"c": (3, 1, 1)}),
    ("Neg(a)", {}),
    ("Relu(a)", {}),
    ("LeakyRelu<alpha = 0.2>(a)", {}),
    ("LeakyRelu(a)", {}),
    ("PRelu(a, c)", {"c": (3, 1, 1)}),
    ("PRelu(a, c)", {"c": (1,)}),
    ("Clip(a, lo, hi)", {"lo": np.float32(-0.5), "hi": np.float32(0.75)}),
    ("Clip(a, , hi)", {"hi": np.float32(0.75)}),
    ("Clip(a, lo, hi)", {"lo": np.float32(0), "hi": np.float32(np.inf)}),
    ("Clip(a)", {}),
    ("Tanh(a)", {}),
    ("Sigmoid(a)", {}),
    ("HardSigmoid(a)", {}),
    ("HardSigmoid<alpha = 0.3, beta = 0.4>(a)", {}),
    ("HardSwish(a)", {}),
    ("Elu(a)", {}),
    ("Elu<alpha = 0.7>(a)", {}),
    ("Selu(a)", {}),
    ("Selu<alpha = 1.1, gamma = 0.9>(a)", {}),
    ("Softplus(a)", {}),
    ("Softsign(a)", {}),
    ("Identity(a)", {}),
    ("Where(no, zero, a)", {"no": np.zeros((1, 3, 1, 1), np.bool_), "zero": np.float32(0)}),
    ("Where(yes, a, zero)", {"yes": np.ones((1, 1), np.bool_), "zero": np.float32(0)}),
    ("Dropout(a)", {}),
    ("Cast<to = 1>(a)", {}),
]


def _constants(given: dict) -> dict[str, np.ndarray]:
    return {k: f32(RNG, *v) + np.float32(0.1) if isinstance(v, tuple) else v for k, v in given.items()}


@pytest.mark.parametrize(("call", "constants"), POINTWISE, ids=lambda v: v if isinstance(v, str) else "")
def test_pointwise_joins_the_convolution(tmp_path: Path, call: str, constants: dict):
    weights = {"w": f32(RNG, 3, 2, 3, 3), "b": f32(RNG, 3), **_constants(constants)}
    _, final = check(save(tmp_path, f"a = Conv(x, w, b) y = {call}", (1, 2, 5, 4), weights))
    assert [layer.op.kind for layer in final.layers] == ["conv"]


@pytest.mark.parametrize("holds", [False, True])
def test_what_a_constant_chooses_everywhere(tmp_path: Path, holds: bool):
    """Of two computed tensors."""
    weights = {"w": f32(RNG, 3, 2, 3, 3), "b": f32(RNG, 3), "c": np.full((1, 3, 3, 2), holds)}
    body = "a = Conv(x, w, b) t = Tanh(a) y = Where(c, a, t)"
    _, final = check(save(tmp_path, body, (1, 2, 5, 4), weights))
    assert [layer.op.kind for layer in final.layers] == ["conv"]


@pytest.mark.parametrize(("call", "constants"), POINTWISE, ids=lambda v: v if isinstance(v, str) else "")
def test_pointwise_at_the_input(tmp_path: Path, call: str, constants: dict):
    weights = {"w": f32(RNG, 2, 3, 3, 3), **_constants(constants)}
    body = f"a = Identity(x) c0 = {call} y = Conv<pads = [1, 1, 1, 1]>(c0, w)"
    loaded, final = check(save(tmp_path, body, (1, 3, 5, 4), weights))
    alone = any(layer.op.kind == "pointwise" for layer in loaded.graph.layers)
    assert final.layers[-1].op.kind == "conv" and len(final.layers) <= 1 + alone
    assert final.inputs[0].shape == (5, 4, 3)


SWISHES = [
    "s = Sigmoid(a) y = Mul(a, s)",
    "s = Sigmoid(a) y = Mul(s, a)",
    "d = Mul(a, c) s = Sigmoid(d) y = Mul(a, s)",
    "s = HardSigmoid<alpha = 0.16666667, beta = 0.5>(a) y = Mul(a, s)",
]


@pytest.mark.parametrize("body", SWISHES)
def test_swish_spelled_out(tmp_path: Path, body: str):
    weights = {"w": f32(RNG, 3, 2, 3, 3), "c": np.float32(1.7)}
    loaded, final = check(save(tmp_path, f"a = Conv(x, w) {body}", (1, 2, 5, 4), weights))
    assert len(loaded.graph.layers) == 2 and len(final.layers) == 1
    assert final.layers[0].source.count("Mul") == body.count("Mul(")


def test_swish_operator(tmp_path: Path):
    check(
        save(tmp_path, "a = Conv(x, w) y = Swish<alpha = 1.5>(a)", (1, 2, 4, 4), {"w": f32(RNG, 3, 2, 3, 3)}, opset=24)
    )


OPSETS = [9, 11, 13, 17, NEWEST]


@pytest.mark.parametrize("opset", OPSETS)
def test_generator_at_each_opset(tmp_path: Path, opset: int):
    axes_input = opset >= 13
    clip = "Clip<min = -0.5, max = 0.5>(e)" if opset < 11 else "Clip(e, lo, hi)"
    squeeze = "Squeeze(q, ax)" if axes_input else "Squeeze<axes = [2]>(q)"
    unsqueeze = "Unsqueeze(f, ax)" if axes_input else "Unsqueeze<axes = [2]>(f)"
    dropout = "Dropout<ratio = 0.3>(b)" if opset < 12 else "Dropout(b)"
    body = f"""
        f = Flatten(x) q = {unsqueeze} f2 = {squeeze} h = Gemm<transB = 1>(f2, w, bias) r = Reshape(h, shape)
        n = BatchNormalization(r, s, o, m, v) b = Relu(n) d = {dropout}
        e = ConvTranspose<strides = [2, 2], pads = [1, 1, 1, 1]>(d, k) g = {clip} y = Tanh(g)
    """
    constants = {
        "w": f32(RNG, 12, 5),
        "bias": f32(RNG, 12),
        "shape": np.array([1, 3, 2, 2]),
        **BN,
        "k": f32(RNG, 3, 2, 4, 4),
        "ax": np.array([2]),
        "lo": np.float32(-0.5),
        "hi": np.float32(0.5),
    }
    _, final = check(save(tmp_path, body, (1, 5, 1, 1), constants, opset=opset))
    assert [layer.op.kind for layer in final.layers] == ["dense", "conv_transpose"]


def test_every_supported_operator_is_tested():
    names = (
        "operators",
        "crop",
        "functions",
        "norms",
        "regions",
        "repeated",
        "views",
        "pool",
        "scattered",
        "reductions",
    )
    own = [f"test_{name}.py" for name in names]
    text = "".join(Path(__file__).with_name(name).read_text() for name in own)
    files = ("test_quantized.py", "test_quantized_weights.py")
    quantized = "".join(Path(__file__).with_name(name).read_text() for name in files)
    missing = [op for op in SUPPORTED if f"{op}(" not in text and f"{op}<" not in text]
    missing = [op for op in missing if op not in (*QDQ_OPS, *QONNX_OPS) or f'"{op}"' not in quantized]
    measures = ["CastLike", "Constant", "EyeLike", "Shape", "Size"]
    assert missing == measures, "these are in test_frontend_folding.py and test_frontend_reading.py, others belong here"
