"""The graph as it grows: layers, and how each reader's view of a tensor is placed.

A view goes, in this order, into the taps of the reader that repeat or leave out rows and columns, into the order in
which the maker of the tensor computes (a Dense layer's rows, a convolution's channels, a crop, a pixel shuffle) or in
which the model's input arrives, or into the reader's taps and channels as the stream stands.  What can be placed in
none of these is a layer of its own, which copies.  The order of a stream that others rely on stays (``streams``).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import final

import numpy as np

from gan2hls.base import UnsupportedError
from gan2hls.frontend.copying import OrderError, check_buffer, copies, one_pixel, whole
from gan2hls.frontend.joining import align, follow, in_order, see_alike
from gan2hls.frontend.normalizing import arranged, of_channels
from gan2hls.frontend.over_stream import over_stream
from gan2hls.frontend.placing import placed
from gan2hls.frontend.reading import compacted
from gan2hls.frontend.streams import Streams
from gan2hls.frontend.views import View, images, inverse, is_identity, repeats
from gan2hls.kinds import KIND_BY_NAME, Normalization, Reading, Rearrange, StreamReading, rearrangement
from gan2hls.model import Affine, Graph, Layer, Point, Port
from gan2hls.numbers import Int64Array, IntType, QuantType
from gan2hls.ops import Identity, Operation


@final
class Builder:
    """A graph under construction.

    Attributes:
        streams: its inputs and layers, and the views that are still to be read.
    """

    def __init__(self, *, rearranges: bool = False) -> None:
        """Begin; ``rearranges``: what cannot be placed otherwise may be held as a whole."""
        self.streams = Streams()
        self._rearranges = rearranges

    def add_input(self, name: str, onnx_name: str, shape: tuple[int, ...], layout: int | None = None) -> View:
        """Add an input of the model and return the view of its ONNX tensor.

        Args:
            name: of its stream.
            onnx_name: of the tensor.
            shape: its ONNX shape.
            layout: which of ``views.images`` it is, if it is one; None leaves its order to the first that reads it.
        """
        count = math.prod(shape)
        elements = np.arange(count)
        seen = images(elements.reshape(shape))
        image = elements.reshape(1, 1, count) if layout is None or len(seen) <= layout else seen[layout]
        self.streams.inputs[name] = Port(name, onnx_name, shape, image.shape, image.ravel())
        return View(name, onnx_name, inverse(image).reshape(shape))

    def add_linear(self, view: View, reading: Reading, source: str, output: str) -> View:
        """Add a linear layer that reads ``view``; return the view of the ONNX tensor ``output`` that it makes.

        Raises:
            UnsupportedError: the view cannot be placed.
        """
        view = self._cropped(view) or view
        while (op := placed(self.streams, view, reading)) is None:
            view = self.copied(view, [reading.in_order.reshape(reading.op.geometry.in_shape)])
        return self._add_linear(view.tensor, replace(reading, op=op), source, output)

    def add_points(
        self, view: View, points: tuple[Point, ...], source: str, output: str, shape: tuple[int, ...]
    ) -> View:
        """Add a pointwise layer whose parameters broadcast to the ONNX tensor ``output`` of ``shape``; return its view.

        Raises:
            UnsupportedError: the result is larger than what is read.
        """
        if math.prod(shape) != view.index.size:
            raise UnsupportedError(
                f"grows its input from {list(view.index.shape)} to {list(shape)}",
                hint="a constant operand must broadcast to the computed one's shape",
            )
        if view.index.shape != shape:
            view = replace(view, index=view.index.reshape(shape))
        view = self._cropped(view) or self._copied_for_all(view)
        while (by_element := self._over_stream(points, view)) is None:
            view = self._copied_for_all(view)
        before = self.streams.shape(view.tensor)
        count = math.prod(before)
        name = self._name(Identity.kind)
        probe = Port(name, output, shape, (1, 1, count), inverse(view.index))
        layer = Layer(name, source, (view.tensor,), (1, 1, count), Identity(), by_element, probe)
        layer = KIND_BY_NAME[layer.op.kind].reshape(layer, before) or layer
        self.streams.add(layer, view.index if self.streams.is_made(view) else None)
        return View(name, output, view.index)

    def add_streams(
        self, views: Sequence[View], reading: StreamReading, source: str, output: str, shape: tuple[int, ...]
    ) -> View:
        """Add a layer without weights that computes the ONNX tensor ``output`` of ``shape`` from ``views``.

        Returns:
            The view of what it makes.

        Raises:
            UnsupportedError: an operand cannot be put into the order that the layer or the other operands have.
        """
        if reading.operands is not None:
            views = [views[n] for n in reading.operands]
        held = self.streams.held
        held.update(enumerate(views))
        for n in range(len(views)):
            view = held.pop(n)
            held[n] = self._cropped(view) or self._copied_for_all(view)
        if reading.orders is None:
            self._bring_together(reading.op)
            first = held[0]
            order, made = inverse(first.index), self.streams.shape(first.tensor)
            assert all(np.array_equal(inverse(view.index), order) for view in held.values()), f"{output}: orders differ"
            index, whole = first.index, self.streams.is_whole(first)
        else:
            assert reading.out_order is not None, f"{output}: its order is not known"
            for n, wanted in enumerate(reading.orders):
                held[n] = in_order(self.streams, self._once(held.pop(n)), wanted, self._copied_for_all)
            height, width, channels = reading.out_order.shape
            order, made = reading.out_order.ravel(), (height, width, channels)
            index, whole = inverse(reading.out_order).reshape(shape), True
        inputs = tuple(held.pop(n).tensor for n in range(len(views)))
        if reading.labels:
            port = self.streams.inputs[inputs[0]]
            fewest = min(reading.labels, port.labels or reading.labels)
            self.streams.inputs[inputs[0]] = replace(port, labels=fewest)
        name = self._name(reading.op.kind)
        layer = Layer(name, source, inputs, made, reading.op, (), Port(name, output, shape, made, order))
        self.streams.add(layer, index if whole else None)
        return View(name, output, index)

    def _bring_together(self, op: Operation) -> None:
        """Bring the operands in ``streams.held``, all of one shape, to one order of their streams."""
        streams, held = self.streams, self.streams.held
        operands = range(len(held))
        alike = see_alike([held[n] for n in operands], streams) and not _moves_zeros(op, held[0], len(held))
        if not alike or follow(streams):
            for n in operands:
                held[n] = self._once(held.pop(n))
            align(streams, self._copied_for_all)

    def add_norm(
        self, view: View, reading: Normalization, source: str, output: str, places: Int64Array | None = None
    ) -> View:
        """Add a layer that normalizes ``view``; return the view of the ONNX tensor ``output`` that it makes.

        ``places``, of the output's shape, says which of the view's flat elements each of its own is; by default they
        are alike.

        Raises:
            UnsupportedError: its sets are not made of pixels and channels, in no order in which the view can be put.
        """
        view = self._once(self._cropped(view) or self._copied_for_all(view))
        view, op = arranged(self.streams, view, reading, self._copied_for_all)
        points = of_channels(reading.points, view, op.shape)
        name = self._name(op.kind)
        index = view.index if places is None else view.index.ravel()[places]
        probe = Port(name, output, index.shape, op.shape, inverse(index))
        self.streams.add(Layer(name, source, (view.tensor,), op.shape, op, points, probe), index)
        return View(name, output, index)

    def copied(self, view: View, seen: Sequence[Int64Array] = ()) -> View:
        """Add a layer that copies what ``view`` sees, or the least of it that must stand in another order.

        Args:
            view: what cannot be placed.
            seen: how it is to stand, int64 ``[H, W, C]`` of the ONNX tensor's flat elements; by default as an image.

        Returns:
            The view of the copy, which may still repeat rows and columns.

        Raises:
            UnsupportedError: the view is not made of rows, columns and channels, or more than a buffer holds must wait.
        """
        elements = np.arange(view.index.size).reshape(view.index.shape)
        seen = seen or images(elements)
        for copy in copies(view.index.shape, seen, in_turn=bool((view.index < 0).any())):
            op = placed(self.streams, view, copy)
            if op is not None:
                check_buffer(op)
                return self._add_linear(view.tensor, replace(copy, op=op), view.onnx_name, view.onnx_name)
        for order in seen:
            shuffled = self._shuffled(view, view.index.ravel()[order])
            if shuffled is not None:
                return shuffled
        rearranged = self._rearranged(view, seen) if self._rearranges else None
        if rearranged is not None:
            return rearranged
        raise OrderError(
            f"sees the output of {self.streams.describe(view.tensor)} in an order that is made of no rows, columns and "
            "channels",
            hint="between two convolutions axes may be exchanged, split, rolled, mirrored and joined again; after Gemm "
            "or MatMul, at the input and at the output any order is fine",
        )

    def finish(self, name: str, outputs: Iterable[str]) -> Graph:
        """Return the graph with the outputs that these ONNX names of waiting views have."""
        streams, ports = self.streams, []
        for onnx_name in outputs:
            view = self._once(streams.waiting.pop(onnx_name))
            view = self._raster(self._cropped(view) or self.copied(view))
            if view.tensor in streams.inputs or streams.is_output(view.tensor):
                view = self.add_points(view, (), onnx_name, onnx_name, view.index.shape)
            streams.add_output(view.tensor)
            shape = streams.shape(view.tensor)
            ports.append(Port(view.tensor, onnx_name, view.index.shape, shape, inverse(view.index)))
        pinned = {
            port.name: QuantType(IntType.covering(0, max(1, port.labels - 1)), 1.0)
            for port in streams.inputs.values()
            if port.labels
        }
        return Graph(name, tuple(streams.inputs.values()), tuple(streams.layers.values()), tuple(ports), pinned)

    def _name(self, kind: str) -> str:
        return f"n{len(self.streams.layers)}_{kind}"

    def _add_linear(self, tensor: str, reading: Reading, source: str, output: str) -> View:
        """Add a linear layer that reads the stream ``tensor`` as it is."""
        geometry, index = reading.op.geometry, reading.out_index
        self.streams.reshape(tensor, geometry.in_shape)
        name = self._name(reading.op.kind)
        points: tuple[Point, ...] = () if reading.bias is None else (Affine(np.ones(1), reading.bias),)
        probe = Port(name, output, index.shape, geometry.out_shape, inverse(index))
        layer = Layer(name, source, (tensor,), geometry.out_shape, reading.op, points, probe)
        self.streams.add(layer, index)
        return View(name, output, index)

    def _shuffled(self, view: View, image: Int64Array) -> View | None:
        """Return ``view`` of a copy of its stream in which the different elements of ``image`` stand in its order.

        None: such a copy cannot be made, or the stream is one already.
        """
        streams = self.streams
        maker = streams.layers.get(view.tensor)
        if maker is not None and maker.is_copy and maker.probe.onnx_name == view.onnx_name:
            return None
        stream = whole(streams.shape(view.tensor))
        once = None if stream is None else compacted(one_pixel(image.shape), image)
        if stream is None or once is None:
            return None
        elements = np.arange(math.prod(stream.geometry.out_shape))
        copy = Reading(stream, None, elements, elements)
        name = self._add_linear(view.tensor, copy, view.onnx_name, view.onnx_name).tensor
        if not streams.provide(name, once[1]):
            streams.drop(name)
            return None
        order = inverse(once[1])
        index = np.where(view.index >= 0, order[view.index], view.index)
        probe = Port(name, view.onnx_name, index.shape, streams.shape(name), inverse(index))
        streams.layers[name] = replace(streams.layers[name], probe=probe)
        return View(name, view.onnx_name, index)

    def _rearranged(self, view: View, seen: Sequence[Int64Array]) -> View | None:
        """Return ``view`` of a layer that holds the stream and gives it as one of ``seen``, with the most lanes."""
        shape = self.streams.shape(view.tensor)
        made = [(rearrangement(view.index.ravel()[order], shape), order) for order in seen]
        found = [(places, order) for places, order in made if places is not None]
        if not found:
            return None
        places, order = max(found, key=lambda one: one[0].lane_channels(shape))
        height, width, channels = order.shape
        name = self._name(Rearrange.kind)
        index = inverse(order).reshape(view.index.shape)
        probe = Port(name, view.onnx_name, index.shape, (height, width, channels), order.ravel())
        layer = Layer(name, view.onnx_name, (view.tensor,), probe.shape, Rearrange(places), (), probe)
        self.streams.add(layer, index)
        return View(name, view.onnx_name, index)

    def _once(self, view: View) -> View:
        """Return ``view``, or that of a copy, without zeros and repetitions."""
        while (view.index < 0).any() or repeats(view.index):
            view = self._copied_for_all(view)
        return view

    def _copied_for_all(self, view: View, seen: Sequence[Int64Array] = ()) -> View:
        """Return the view of a copy, which is read by all that are still to read ``view``."""
        waiting = self.streams.waiting
        same = [
            name
            for name, other in waiting.items()
            if other.tensor == view.tensor and np.array_equal(other.index, view.index)
        ]
        made = self.copied(view, seen)
        waiting.update((name, replace(made, onnx_name=waiting[name].onnx_name)) for name in same)
        return made

    def _cropped(self, view: View) -> View | None:
        """Return ``view`` of a stream without the elements that it leaves out; None where these must be computed."""
        if self.streams.is_made(view):
            return view
        shape = self.streams.shape(view.tensor)
        seen = np.zeros(math.prod(shape), bool)
        seen[view.index[view.index >= 0]] = True
        if seen.all():
            return view
        left = np.flatnonzero(seen)
        if not left.size:
            raise UnsupportedError("leaves nothing of its input", hint="crop less")
        cube = seen.reshape(shape)
        sizes = [int(cube.any(axis=axes).sum()) for axes in ((1, 2), (0, 2), (0, 1))]
        image = left.reshape(sizes) if math.prod(sizes) == left.size else left.reshape(1, 1, -1)
        if not self.streams.provide(view.tensor, image):
            return None
        place = np.cumsum(seen) - 1
        return replace(view, index=np.where(view.index >= 0, place[view.index], view.index))

    def _raster(self, view: View) -> View:
        """Return ``view`` of an output whose stream is an image in raster order, where a layer can make it so."""
        streams = self.streams
        free = all(
            root in streams.inputs or KIND_BY_NAME[streams.layers[root].op.kind].absorbs_input_order
            for root in streams.roots(view.tensor)
        )
        shape = view.index.shape
        plane = (view.index.reshape(*shape[1:], 1),) if len(shape) == 3 else ()
        seen = (*images(view.index), *plane)
        if free or any(is_identity(image) for image in seen):
            return view
        for image in seen:
            if streams.provide(view.tensor, image):
                return replace(view, index=inverse(image)[view.index])
        pixels = streams.shape(view.tensor)[:2]
        shuffled = (self._shuffled(view, image) for image in seen if image.shape[:2] != pixels)
        return next(filter(None, shuffled), view)

    def _over_stream(self, points: tuple[Point, ...], view: View) -> tuple[Point, ...] | None:
        size = math.prod(self.streams.shape(view.tensor))
        return over_stream(points, view.index, size, whole=self.streams.is_made(view))


def _moves_zeros(op: Operation, view: View, count: int) -> bool:
    """Whether ``view`` has zeros and ``op`` of ``count`` operands makes something else of them."""
    return bool((view.index < 0).any()) and bool(op.evaluate([np.zeros((1, 1, 1, 1), np.float32)] * count).any())
