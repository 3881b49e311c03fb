"""``python -m benchmarks.rate_bound MODEL...``: the fewest bits that weights could have, by rate-distortion theory.

The loss allowed is one of PSNR against int8 weights, activations being int8 in both.  To second order the error of the
output is ``sum of d' H d`` over the errors ``d`` of the weights that one output pixel reads together, with ``H`` the
second moments of what they are multiplied with, weighted by what each pixel matters: the model that reconstruction
minimizes too, here scaled for each layer by what random errors of its weights really do.  In the axes of ``H`` a
Gaussian source takes ``log2(l v / t) / 2`` bits where the weights' variance ``v`` times the eigenvalue ``l`` lies above
the water level ``t``, and none below it (Cover and Thomas, Elements of Information Theory, 10.3); the variance is that
of a Gaussian of the weights' own entropy.  Codes of single weights, Huffman codes among them, take a quarter of a bit
more at high rates (Gish and Pierce 1968).  It says nothing about weights that are trained again.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

import gan2hls
from gan2hls import passes
from gan2hls.fit import Reconstruction, measure
from gan2hls.flow.inputs import read_inputs
from gan2hls.frontend import load
from gan2hls.model import Graph, Layer, run_layer
from gan2hls.numbers import Float32Array, FloatArray
from gan2hls.ops import Linear
from gan2hls.quantize.float_runs import FloatModel, probes

#: Bits of the weights that stand for float ones.
_EXACT = "flex<16,5>"
#: Random errors of weights, as a part of their standard deviation, and frames on which they are tried.
_ERROR, _TRIED = 0.01, 16
#: Steps of the histogram that entropies are taken of, in standard deviations.
_STEP = 0.1


def main() -> None:
    """Measure, print a row for each model."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rate_bound", description=__doc__)
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--loss", type=float, default=1.0, help="dB that may be lost against int8")
    chosen = parser.parse_args()
    print("| model | int8 dB | float weights dB | bound at the loss, bits | times fewer than float32 |")
    print("| --- | ---: | ---: | ---: | ---: |", flush=True)
    for model in chosen.models:
        coarse, exact = psnr(model, "int8"), psnr(model, _EXACT)
        error = 10 ** (-(coarse - chosen.loss) / 10) - 10 ** (-exact / 10)
        bits = bound(model, error)
        print(f"| {model.stem} | {coarse:.1f} | {exact:.1f} | {bits:.2f} | {32 / bits:.1f} |", flush=True)


def psnr(model: Path, weight: str) -> float:
    """Return the PSNR in dB of the golden model, with weights in a format and int8 activations, against float32."""
    config = {"precision": {"weight": weight, "activation": "int8"}}
    made = gan2hls.build(model, config=config, stop="lower", write=False)
    loaded = load(model)
    inputs = read_inputs(loaded.graph.inputs, made.config).evaluation
    (port,) = loaded.graph.outputs
    expected = port.from_stream(FloatModel(loaded.onnx_model, [port]).run(inputs)[port.name]).astype(np.float64)
    error = np.square(made.golden(inputs) - expected).mean()
    return float(10 * np.log10(np.ptp(expected) ** 2 / error))


def bound(model: Path, error: float) -> float:
    """Return the bits of a weight at a mean squared ``error`` of the output, as a part of its squared range."""
    loaded = load(model)
    graph = passes.run(loaded.graph)
    made = gan2hls.build(model, stop="lower", write=False)
    inputs = read_inputs(graph.inputs, made.config).calibration
    streams: dict[str, Float32Array] = FloatModel(loaded.onnx_model, probes(graph)).run(inputs)
    for port in graph.inputs:
        streams[port.name] = port.to_stream(inputs[port.onnx_name]).astype(np.float32)
    places = Reconstruction(graph, streams).places
    powers, counts = [], []
    for layer in graph.layers:
        if isinstance(layer.op, Linear) and layer.name in places:
            found = _powers(layer, layer.op, graph, streams, places[layer.name])
            powers.append(found)
            counts.append(layer.op.weight.size)
    values = np.concatenate(powers)
    return float(_rate(values, error) / sum(counts))


def _powers(
    layer: Layer, op: Linear, graph: Graph, streams: Mapping[str, Float32Array], places: FloatArray
) -> FloatArray:
    """Return eigenvalue times variance of each weight of a layer in the axes of its Hessians, in squared ranges."""
    (source,) = layer.inputs
    moments = measure(op.geometry, op.weight, streams[source], streams[source], places)
    rng = np.random.default_rng(0)
    errors = _ERROR * op.weight.std() * rng.standard_normal(op.weight.shape)
    predicted, eigenvalues = 0.0, []
    for block in moments:
        rows = errors[block.taps, block.channels].transpose(1, 0, 2)
        rows = rows.reshape(len(rows), -1)
        predicted += float(np.einsum("ci,ij,cj->", rows, block.hessian, rows))
        eigenvalues.append(np.repeat(np.maximum(np.linalg.eigvalsh(block.hessian), 0.0), len(rows)))
    changed = replace(layer, op=replace(op, weight=op.weight + errors))
    scale = _error(graph, streams, layer, changed) / predicted
    made: FloatArray = scale * _entropy_power(op.weight) * np.concatenate(eigenvalues)
    return made


def _error(graph: Graph, streams: Mapping[str, Float32Array], layer: Layer, changed: Layer) -> float:
    """Return the mean squared error of the output, in squared ranges, where ``changed`` stands for ``layer``."""
    values = {name: stream[:_TRIED] for name, stream in streams.items()}
    (output,) = graph.outputs
    expected, after = values[output.name].astype(np.float64), False
    for one in graph.layers:
        after = after or one is layer
        if after:
            inputs = [values[name] for name in one.inputs]
            values[one.name] = run_layer(changed if one is layer else one, inputs)
    found = values[output.name].reshape(expected.shape)
    return float(np.square(found - expected).mean() / np.ptp(streams[output.name]) ** 2)


def _entropy_power(weight: FloatArray) -> float:
    """Return the variance of the Gaussian that has the differential entropy of ``weight``, by a histogram."""
    step = _STEP * float(weight.std())
    _, counts = np.unique(np.round(weight / step), return_counts=True)
    shares = counts / counts.sum()
    entropy = float(-(shares * np.log2(shares)).sum()) + math.log2(step)
    return 2 ** (2 * entropy) / (2 * math.pi * math.e)


def _rate(powers: FloatArray, error: float) -> float:
    """Return the bits that Gaussians of ``powers`` take where their errors add up to ``error``: water from below."""
    low, high = 0.0, float(powers.max())
    for _ in range(200):
        level = (low + high) / 2
        if np.minimum(powers, level).sum() > error:
            high = level
        else:
            low = level
    return float(0.5 * np.log2(np.maximum(powers / high, 1.0)).sum())


if __name__ == "__main__":
    main()
