"""Every spelling of a convolution's padding is read as ONNX Runtime computes it, or refused where it refuses."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from gan2hls.base.errors import ModelError, UnsupportedError
from gan2hls.frontend import load
from gan2hls.quantize.float_runs import FloatModel
from tests.float_evaluator import check
from tests.onnx_models import f32, make_model, save
from tests.sampling import sampled

AUTO_PADS = (None, "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")


def onnxruntime_takes(path: Path, shape: tuple[int, ...]) -> bool:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        session.run(None, {"x": np.zeros(shape, np.float32)})
    except Exception:
        return False
    return True


def attributes(auto_pad: str | None, **lists: tuple[int, ...] | None) -> str:
    text = [f"{name} = {list(values)}" for name, values in lists.items() if values is not None]
    return "<" + ", ".join([f'auto_pad = "{auto_pad}"', *text] if auto_pad else text) + ">"


def hold(path: Path, shape: tuple[int, ...], text: str) -> bool:
    """Hold the reader to ONNX Runtime; return whether both take the file."""
    if onnxruntime_takes(path, shape):
        check(path)
        return True
    with pytest.raises((ModelError, UnsupportedError)) as caught:
        load(path)
    assert caught.value.hint and "node" in caught.value.where, text
    return False


@pytest.mark.parametrize("opset", sampled([22, 10, 17], 1))
@pytest.mark.parametrize("auto_pad", AUTO_PADS)
def test_conv_transpose_1d(tmp_path: Path, auto_pad: str | None, opset: int):
    rng, taken = np.random.default_rng(0), 0
    sweep = itertools.product((1, 3, 4), (1, 2, 3), (1, 2, 3), (None, 0, 1, 2, 3), (None, 1, 6, 8, 13), (None, (1, 0)))
    for n, (kernel, stride, dilation, extra, size, pads) in enumerate(sweep):
        if n % 7 != AUTO_PADS.index(auto_pad):
            continue
        text = "ConvTranspose" + attributes(
            auto_pad,
            strides=(stride,),
            dilations=(dilation,),
            output_padding=None if extra is None else (extra,),
            output_shape=None if size is None else (size,),
            pads=pads,
        )
        path = save(tmp_path, f"y = {text}(x, w)", (1, 2, 4), {"w": f32(rng, 2, 3, kernel)}, opset=opset)
        taken += hold(path, (1, 2, 4), text)
    assert taken > 15


@pytest.mark.parametrize("auto_pad", AUTO_PADS)
def test_conv_transpose_2d(tmp_path: Path, auto_pad: str | None):
    rng, taken = np.random.default_rng(1), 0
    for _ in range(60):
        kernel, stride, dilation = (tuple(int(v) for v in rng.integers(1, 4, 2)) for _ in range(3))
        extra = tuple(int(rng.integers(0, s + (rng.random() < 0.2))) for s in stride)
        full = [(n - 1) * s + (k - 1) * d + 1 for n, s, k, d in zip((3, 4), stride, kernel, dilation, strict=True)]
        size = tuple(int(rng.integers(max(1, f - 3), f + s)) for f, s in zip(full, stride, strict=True))
        text = "ConvTranspose" + attributes(
            auto_pad,
            strides=stride,
            dilations=dilation,
            output_padding=extra if rng.random() < 0.6 else None,
            output_shape=size if rng.random() < 0.5 else None,
            pads=(0, 1, 1, 0) if auto_pad in (None, "NOTSET") and rng.random() < 0.5 else None,
        )
        path = save(tmp_path, f"y = {text}(x, w)", (1, 2, 3, 4), {"w": f32(rng, 2, 3, *kernel)})
        taken += hold(path, (1, 2, 3, 4), text)
    assert taken > 15


@pytest.mark.parametrize("auto_pad", AUTO_PADS)
def test_conv(tmp_path: Path, auto_pad: str | None):
    """ONNX Runtime refuses dilations with SAME; what they mean is plain, so they are read."""
    rng = np.random.default_rng(2)
    for kernel, stride, dilation, size in itertools.product((1, 2, 3, 4), (1, 2, 3), (1, 2), (4, 7)):
        text = "Conv" + attributes(auto_pad, strides=(stride,), dilations=(dilation,))
        path = save(tmp_path, f"y = {text}(x, w)", (1, 2, size), {"w": f32(rng, 3, 2, kernel)})
        if dilation > 1 and auto_pad in ("SAME_UPPER", "SAME_LOWER"):
            assert load(path).graph.layers[0].op.geometry.out_shape[1] == -(-size // stride)
        else:
            hold(path, (1, 2, size), text)


def test_dilated_same_conv_is_that_of_a_kernel_with_zeros(tmp_path: Path):
    rng = np.random.default_rng(3)
    weight = f32(rng, 3, 2, 3)
    spread = np.zeros((3, 2, 5), np.float32)
    spread[:, :, ::2] = weight
    x = f32(rng, 1, 2, 7)
    outputs = []
    for name, body, w in (
        ("a", 'y = Conv<auto_pad = "SAME_UPPER", dilations = [2]>(x, w)', weight),
        ("b", 'y = Conv<auto_pad = "SAME_UPPER">(x, w)', spread),
    ):
        (tmp_path / name).mkdir()
        loaded = load(save(tmp_path / name, body, (1, 2, 7), {"w": w}))
        outputs.append(next(iter(FloatModel(loaded.onnx_model, loaded.graph.outputs).run({"x": x}).values())))
    np.testing.assert_allclose(outputs[0], outputs[1], rtol=1e-5)


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("<strides = [2], output_padding = [2]>", ModelError, ["output_padding 2", "0..1"]),
        ("<strides = [1], dilations = [3], output_padding = [2]>", UnsupportedError, ["output_padding 2", "0..0"]),
        ("<output_shape = [99], strides = [2]>", ModelError, ["99", "1..11"]),
        ("<output_shape = [2, 9], strides = [2]>", ModelError, ["[2, 9]"]),
        ('<auto_pad = "SAME_UPPER", pads = [0, 0]>', ModelError, ["auto_pad SAME_UPPER", "[0, 0]"]),
        ('<auto_pad = "FOO">', ModelError, ["'FOO'", "SAME_LOWER"]),
    ],
)
def test_padding_that_is_refused(tmp_path: Path, text: str, kind: type[Exception], words: list[str]):
    path = save(tmp_path, f"y = ConvTranspose{text}(x, w)", (1, 2, 4), {"w": np.ones((2, 2, 4), np.float32)})
    with pytest.raises(kind) as caught:
        load(path)
    assert caught.value.hint and "'/g/ConvTranspose_0'" in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_output_shape_led_by_batch_and_channels(tmp_path: Path):
    """ONNX Runtime has refused it since it infers shapes; what it means is the last two sizes."""
    weight = f32(np.random.default_rng(4), 2, 3, 4, 4)
    outputs = []
    for shape in ([1, 3, 8, 8], [8, 8]):
        body = f"y = ConvTranspose<strides = [2, 2], output_shape = {shape}>(x, w)"
        path = tmp_path / "m.onnx"
        path.write_bytes(make_model(body, (1, 2, 4, 4), {"w": weight}).SerializeToString())
        loaded = load(path)
        x = f32(np.random.default_rng(5), 1, 2, 4, 4)
        outputs.append(next(iter(FloatModel(loaded.onnx_model, loaded.graph.outputs).run({"x": x}).values())))
    np.testing.assert_array_equal(outputs[0], outputs[1])
    check(path)
