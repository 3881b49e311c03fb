"""An independent evaluator of ``ir.Graph`` in float64, straight from the taps; slow and plain on purpose."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from gan2hls import passes
from gan2hls.frontend import Loaded, load
from gan2hls.kinds import Norm
from gan2hls.model.ir import Graph, Layer
from gan2hls.model.points import Quantize, split
from gan2hls.ops import Linear
from tests.plain_streams import plain_streams

Arrays = dict[str, np.ndarray]


def evaluate(graph: Graph, inputs: Arrays) -> Arrays:
    """Return every stream ``[H, W, C]`` by name; ``inputs`` are ONNX tensors of batch 1 by ONNX name."""
    streams = {port.name: port.to_stream(inputs[port.onnx_name].astype(np.float64))[0] for port in graph.inputs}
    for name in graph.pinned.keys() & streams.keys():
        streams[name] = Quantize(graph.pinned[name])(streams[name])
    for layer in graph.layers:
        made = _layer(layer, *(streams[name] for name in layer.inputs))
        streams[layer.name] = Quantize(graph.pinned[layer.name])(made) if layer.name in graph.pinned else made
    return streams


def _layer(layer: Layer, x: np.ndarray, *others: np.ndarray) -> np.ndarray:
    if layer.op.kind == "norm":
        y = _norm(layer.op, x.reshape(layer.shape))
    elif not isinstance(layer.op, Linear):
        y = plain_streams(layer.op, (x, *others), layer.shape)
    else:
        geometry = layer.op.geometry
        x = x.reshape(geometry.in_shape)
        y = np.zeros(geometry.out_shape)
        group_in, group_out, width = geometry.group_in, geometry.group_out, geometry.x.kernel
        for oy, rows in enumerate(geometry.y.taps):
            for ox, columns in enumerate(geometry.x.taps):
                for iy, ky in rows:
                    for ix, kx in columns:
                        for g in range(geometry.groups):
                            out = slice(g * group_out, (g + 1) * group_out)
                            pixel = x[iy, ix, g * group_in : (g + 1) * group_in]
                            y[oy, ox, out] += layer.op.weight[ky * width + kx, out] @ pixel
    for point in layer.points:
        y = point(y)
    if not isinstance(layer.op, Linear):
        return y.reshape(layer.shape)
    out = np.empty(layer.shape)
    height, width, channels = layer.shape
    rows, columns = height // y.shape[0], width // y.shape[1]
    for oy in range(height):
        for ox in range(width):
            block = (oy % rows) * columns + ox % columns
            out[oy, ox] = y[oy // rows, ox // columns, block * channels : (block + 1) * channels]
    return out


def _norm(op: Norm, x: np.ndarray) -> np.ndarray:
    y = np.empty_like(x)
    height, width, channels = x.shape
    regions = [(slice(None), slice(None))]
    if op.by_pixel:
        regions = [(slice(i, i + 1), slice(j, j + 1)) for i in range(height) for j in range(width)]
    size = channels // op.groups
    for rows, columns in regions:
        for first in range(0, channels, size):
            part = x[rows, columns, first : first + size]
            part = part - part.mean() if op.centred else part
            y[rows, columns, first : first + size] = part / (np.sqrt((part**2).mean() + op.epsilon) + op.outside)
    return y


def run_onnx(model: onnx.ModelProto | Path, inputs: Arrays, names: list[str] | None = None) -> list[np.ndarray]:
    """Run ONNX Runtime; ``names`` asks for inner tensors."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if isinstance(model, Path):
        source: str | bytes = str(model)
    else:
        probed = onnx.ModelProto()
        probed.CopyFrom(model)
        for name in set(names or ()) - {output.name for output in probed.graph.output}:
            probed.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
        source = probed.SerializeToString()
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"]).run(names, inputs)


def assert_near(got: np.ndarray, wanted: np.ndarray, what: str, tolerance: float = 1e-4) -> None:
    assert got.shape == wanted.shape, f"{what}: {got.shape} != {wanted.shape}"
    peak = max(float(np.abs(wanted).max()), 1e-3)
    worst = float(np.abs(got - wanted).max())
    assert worst <= tolerance * peak, f"{what}: differs by {worst}, its peak is {peak}"


def check(
    path: Path,
    *,
    seeds: Sequence[int] = (0,),
    input_shapes: dict[str, tuple[int, ...]] | None = None,
    tolerance: float = 1e-4,
) -> tuple[Loaded, Graph]:
    """Load ``path``, run the passes, and hold both graphs to ONNX Runtime on the file and at every probe.

    They are compared at a sample of each of ``seeds``.
    """
    loaded = load(path, input_shapes=input_shapes)
    final = passes.run(loaded.graph)
    for seed in seeds:
        rng = np.random.default_rng(seed)
        inputs = {p.onnx_name: rng.normal(size=p.onnx_shape).astype(np.float32) for p in loaded.graph.inputs}
        wanted = run_onnx(path, inputs)
        for graph in (loaded.graph, final):
            streams = evaluate(graph, inputs)
            for port, value in zip(graph.outputs, wanted, strict=True):
                assert_near(port.from_stream(streams[port.name][None]), value, f"output {port.onnx_name}", tolerance)
            names = [layer.probe.onnx_name for layer in graph.layers]
            for layer, value in zip(graph.layers, run_onnx(loaded.onnx_model, inputs, names), strict=True):
                assert value.shape == layer.probe.onnx_shape
                assert_near(streams[layer.name], layer.probe.to_stream(value)[0], f"{layer.name} at {names}", tolerance)
    for n, layer in enumerate(final.layers):
        assert layer.name == f"l{n}_{layer.op.kind}"
        assert not split(layer.points, layer.channels).rest
    return loaded, final
