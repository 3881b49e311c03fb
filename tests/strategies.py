"""Hypothesis strategies shared by the property tests."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from gan2hls.ops.taps import LinearGeometry, conv_axis, conv_transpose_axis


@dataclass(frozen=True)
class OnnxConv:
    """A random Conv or ConvTranspose: its geometry here and the attributes that tell ONNX the same."""

    geometry: LinearGeometry
    op: str
    attributes: dict[str, object]


@st.composite
def convolutions(draw: st.DrawFn, *, max_size: int = 6, max_kernel: int = 7) -> OnnxConv:
    """Kernel 1..7, stride 1..4, asymmetric pads, output_padding, dilation, groups, 1xN; both operators."""
    transposed = draw(st.booleans())
    flat = draw(st.booleans()) and draw(st.booleans())
    groups = draw(st.sampled_from([1, 1, 1, 2, 3]))
    ci, co = groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 3))
    make = _transpose_axis if transposed else _conv_axis
    y = make(draw, 1, 1) if flat else make(draw, max_size, max_kernel)
    x = make(draw, max_size, max_kernel)
    attributes: dict[str, object] = {
        "kernel_shape": [y["kernel"], x["kernel"]],
        "strides": [y["stride"], x["stride"]],
        "dilations": [y["dilation"], x["dilation"]],
        "pads": [y["pads"][0], x["pads"][0], y["pads"][1], x["pads"][1]],
        "group": groups,
    }
    if transposed:
        attributes["output_padding"] = [y["output_padding"], x["output_padding"]]
    geometry = LinearGeometry(y["axis"], x["axis"], ci, co, groups, (y["stride"], x["stride"]), transposed)
    return OnnxConv(geometry, "ConvTranspose" if transposed else "Conv", attributes)


def _conv_axis(draw: st.DrawFn, max_size: int, max_kernel: int) -> dict:
    kernel, stride = draw(st.integers(1, max_kernel)), draw(st.integers(1, 4))
    dilation = draw(st.integers(1, 2))
    reach = (kernel - 1) * dilation + 1
    pads = (draw(st.integers(0, kernel - 1)), draw(st.integers(0, kernel - 1)))
    size = draw(st.integers(max(1, reach - sum(pads)), max(1, reach - sum(pads)) + max_size - 1))
    axis = conv_axis(size, kernel, stride, dilation, pads)
    return {"axis": axis, "kernel": kernel, "stride": stride, "dilation": dilation, "pads": pads}


def _transpose_axis(draw: st.DrawFn, max_size: int, max_kernel: int) -> dict:
    kernel, stride = draw(st.integers(1, max_kernel)), draw(st.integers(1, 4))
    dilation = draw(st.integers(1, 2))
    size = draw(st.integers(1, max_size))
    output_padding = draw(st.integers(0, stride - 1))
    full = (size - 1) * stride + (kernel - 1) * dilation + 1 + output_padding
    begin = draw(st.integers(0, min(kernel - 1, full - 1)))
    end = draw(st.integers(0, min(kernel - 1, full - 1 - begin)))
    axis = conv_transpose_axis(size, kernel, stride, dilation, begin, full - begin - end)
    return {
        "axis": axis,
        "kernel": kernel,
        "stride": stride,
        "dilation": dilation,
        "pads": (begin, end),
        "output_padding": output_padding,
    }
