"""The graph as it grows: layers, and how each reader's view of a tensor is placed.

A view goes, in this order, into the taps of the reader that repeat or leave out rows and columns, into the order in
which the maker of the tensor computes (a Dense layer's rows, a convolution's channels, a crop, a pixel shuffle) or in
which the model's input arrives, or into the reader's taps and channels as the stream stands.  What can be placed in
none of these is a layer of its own, which copies.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import final

import numpy as np

from gan2hls.base import UnsupportedError
from gan2hls.frontend.copying import check_buffer, copies, one_pixel, whole
from gan2hls.frontend.over_stream import over_stream
from gan2hls.frontend.reading import by_rows_and_columns, compacted, in_place
from gan2hls.frontend.views import View, images, inverse, is_identity, repeats, shuffles
from gan2hls.kinds import KIND_BY_NAME, Reading
from gan2hls.model import Affine, Graph, Layer, Point, Port, split
from gan2hls.numbers import Int64Array
from gan2hls.ops import Identity, Linear, Shape


@final
class Builder:
    """A graph under construction.

    Attributes:
        inputs: by name.
        layers: by name, in order.
    """

    def __init__(self) -> None:
        self.inputs: dict[str, Port] = {}
        self.layers: dict[str, Layer] = {}
        self._read: set[str] = set()
        #: By layer, the index of the ONNX tensor that it makes.
        self._made: dict[str, Int64Array] = {}

    def add_input(self, name: str, onnx_name: str, shape: tuple[int, ...]) -> View:
        """Add an input of the model and return the view of its ONNX tensor."""
        count = math.prod(shape)
        self.inputs[name] = Port(name, onnx_name, shape, (1, 1, count), np.arange(count))
        return View(name, onnx_name, np.arange(count).reshape(shape))

    def add_linear(self, view: View, reading: Reading, source: str, output: str) -> View:
        """Add a linear layer that reads ``view``; return the view of the ONNX tensor ``output`` that it makes.

        Raises:
            UnsupportedError: the view cannot be placed, or its stream has another reader.
        """
        self._check_unread(view)
        view = self._cropped(view) or view
        while (op := self._placed(view, reading)) is None:
            view = self.copied(view, [reading.in_order.reshape(reading.op.geometry.in_shape)])
        return self._add_linear(view.tensor, replace(reading, op=op), source, output)

    def add_points(
        self, view: View, points: tuple[Point, ...], source: str, output: str, shape: tuple[int, ...]
    ) -> View:
        """Add a pointwise layer whose parameters broadcast to the ONNX tensor ``output`` of ``shape``; return its view.

        Raises:
            UnsupportedError: the result is larger than what is read, or the stream has another reader.
        """
        self._check_unread(view)
        if math.prod(shape) != view.index.size:
            raise UnsupportedError(
                f"grows its input from {list(view.index.shape)} to {list(shape)}",
                hint="a constant operand must broadcast to the computed one's shape",
            )
        if view.index.shape != shape:
            view = replace(view, index=view.index.reshape(shape))
        view = self._cropped(view) or self.copied(view)
        while (by_element := self._over_stream(points, view)) is None:
            view = self.copied(view)
        before = self._shape(view.tensor)
        count = math.prod(before)
        name = f"n{len(self.layers)}_pointwise"
        probe = Port(name, output, shape, (1, 1, count), inverse(view.index))
        layer = Layer(name, source, (view.tensor,), (1, 1, count), Identity(), by_element, probe)
        self._read.add(view.tensor)
        self.layers[name] = KIND_BY_NAME[layer.op.kind].reshape(layer, before) or layer
        if self._is_made(view):
            self._made[name] = view.index
        return View(name, output, view.index)

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
        for copy in copies(view.index.shape, seen):
            op = self._placed(view, copy)
            if op is not None:
                check_buffer(op)
                return self._add_linear(view.tensor, replace(copy, op=op), view.onnx_name, view.onnx_name)
        for order in seen:
            shuffled = self._shuffled(view, view.index.ravel()[order])
            if shuffled is not None:
                return shuffled
        raise UnsupportedError(
            f"sees the output of {self._describe(view.tensor)} in an order that is none of rows, columns and channels",
            hint="between two convolutions a Reshape or Transpose must keep each pixel's channels together, or be a "
            "pixel shuffle; after Gemm or MatMul, at the input and at the output any order is fine",
        )

    def _shuffled(self, view: View, image: Int64Array) -> View | None:
        """Return ``view`` of a copy of its stream in which the different elements of ``image`` stand in its order.

        None: such a copy cannot be made, or the stream is one already.
        """
        maker = self.layers.get(view.tensor)
        if maker is not None and maker.is_copy and maker.probe.onnx_name == view.onnx_name:
            return None
        stream = whole(self._shape(view.tensor))
        once = None if stream is None else compacted(one_pixel(image.shape), image)
        if stream is None or once is None:
            return None
        elements = np.arange(math.prod(stream.geometry.out_shape))
        copy = Reading(stream, None, elements, elements)
        name = self._add_linear(view.tensor, copy, view.onnx_name, view.onnx_name).tensor
        if not self._provide(name, once[1]):
            self._drop(name)
            return None
        order = inverse(once[1])
        index = np.where(view.index >= 0, order[view.index], view.index)
        probe = Port(name, view.onnx_name, index.shape, self._shape(name), inverse(index))
        self.layers[name] = replace(self.layers[name], probe=probe)
        return View(name, view.onnx_name, index)

    def finish(self, name: str, outputs: Mapping[str, View]) -> Graph:
        """Return the graph whose outputs, by their ONNX names, are ``outputs``.

        Raises:
            UnsupportedError: an output has another reader.
        """
        ports = []
        for onnx_name, view in outputs.items():
            self._check_unread(view)
            while (view.index < 0).any() or repeats(view.index):
                view = self.copied(view)
            view = self._raster(self._cropped(view) or self.copied(view))
            self._read.add(view.tensor)
            ports.append(Port(view.tensor, onnx_name, view.index.shape, self._shape(view.tensor), inverse(view.index)))
        return Graph(name, tuple(self.inputs.values()), tuple(self.layers.values()), tuple(ports))

    def _add_linear(self, tensor: str, reading: Reading, source: str, output: str) -> View:
        """Add a linear layer that reads the stream ``tensor`` as it is."""
        geometry, index = reading.op.geometry, reading.out_index
        self._reshape(tensor, geometry.in_shape)
        self._read.add(tensor)
        name = f"n{len(self.layers)}_{reading.op.kind}"
        points: tuple[Point, ...] = () if reading.bias is None else (Affine(np.ones(1), reading.bias),)
        probe = Port(name, output, index.shape, geometry.out_shape, inverse(index))
        self.layers[name] = Layer(name, source, (tensor,), geometry.out_shape, reading.op, points, probe)
        self._made[name] = index
        return View(name, output, index)

    def _check_unread(self, view: View) -> None:
        """Check that no other layer reads the stream of ``view``.

        Raises:
            UnsupportedError: one does.
        """
        if view.tensor in self._read:
            raise UnsupportedError(
                f"reads the output of {self._describe(view.tensor)} a second time: branches are not supported",
                hint="supported are chains of layers, and functions of one tensor; take the skip out before training, "
                "or merge its branches into one layer",
            )

    def _placed(self, view: View, reading: Reading) -> Linear | None:
        """Return what reads the stream of ``view``, which may be made in another order for it; None: not placed."""
        linear = reading.op
        as_it_is = self._is_made(view) and linear.geometry.in_shape == self._shape(view.tensor)
        if as_it_is and np.array_equal(inverse(view.index), reading.in_order):
            return linear
        order = view.index.ravel()[reading.in_order]
        if KIND_BY_NAME[linear.kind].absorbs_input_order:
            return self._any_order(view.tensor, linear, order)
        image = order.reshape(linear.geometry.in_shape)
        straight = by_rows_and_columns(linear, image, self._shape(view.tensor))
        if straight is not None:
            return straight
        raster = self._on_raster(view.tensor, linear, image)
        if raster is not None and self._provide(view.tensor, raster[1]):
            return raster[0]
        once = compacted(linear, image)
        if once is not None and self._provide(view.tensor, once[1]):
            return once[0]
        read = in_place(linear, image, self._shape(view.tensor))
        return self._behind_shuffle(view.tensor, linear, image) if read is None else read

    def _behind_shuffle(self, tensor: str, linear: Linear, image: Int64Array) -> Linear | None:
        """Return how ``linear`` reads rows, columns and channels of what a pixel shuffle makes of a stream."""
        for larger in shuffles(self._shape(tensor)):
            read = in_place(linear, np.where(image >= 0, inverse(larger)[image], image), larger.shape)
            if read is not None and self._provide(tensor, larger):
                return read
        return None

    def _any_order(self, tensor: str, linear: Linear, order: Int64Array) -> Linear:
        """Return a linear layer whose columns follow the stream, of which it reads ``order``.

        Columns that read the same element are summed.
        """
        live = order >= 0
        weight = np.zeros((*linear.weight.shape[:2], math.prod(self._shape(tensor))))
        if repeats(order):
            for element, column in zip(order[live], np.flatnonzero(live), strict=True):
                weight[..., element] += linear.weight[..., column]
        else:
            weight[..., order[live]] = linear.weight[..., live]
        return replace(linear, geometry=replace(linear.geometry, in_channels=weight.shape[2]), weight=weight)

    def _on_raster(self, tensor: str, linear: Linear, image: Int64Array) -> tuple[Linear, Int64Array] | None:
        """Return how ``linear`` reads an input of the model whose order is open still as an image, and that image.

        Functions of each element may stand in between.
        """
        port = self.inputs.get(self._root(tensor))
        if port is None or port.shape[:2] != (1, 1) or len(port.onnx_shape) not in (3, 4):
            return None
        for raster in images(port.order.reshape(port.onnx_shape)):
            seen = np.where(image >= 0, inverse(raster)[image], image)
            read = in_place(linear, seen, raster.shape)
            if read is not None:
                return read, raster
        return None

    def _provide(self, tensor: str, image: Int64Array) -> bool:
        """Make element ``j`` of a stream what its element ``image.ravel()[j]`` was; return False where that cannot be.

        ``image`` is int64 ``[H, W, C]`` and has no element twice; what it lacks is not computed any more.
        """
        whole = image.size == math.prod(self._shape(tensor))
        if whole and is_identity(image):
            return True
        changed: dict[str, Layer] = {}
        while tensor in self.layers:
            layer = self.layers[tensor]
            kind = KIND_BY_NAME[layer.op.kind]
            reordered = kind.reorder(layer, image)
            if reordered is None:
                return False
            changed[tensor] = reordered
            if not kind.passes_order_on:
                if any(made.shape != image.shape for made in changed.values()) and self._stay_apart(changed):
                    return False
                break
            (tensor,) = layer.inputs
        else:
            if not whole:
                return False
            port = self.inputs[tensor]
            self.inputs[tensor] = replace(port, order=port.order[image.ravel()], shape=image.shape)
        self.layers |= changed
        return True

    def _stay_apart(self, names: Iterable[str]) -> bool:
        """Whether pointwise layers, the last one first, do not all join the convolution that ends ``names``.

        In another order one that stays apart would have parameters for each element.
        """
        *pointwise, convolution = (self.layers[name] for name in names)
        channels = convolution.channels
        by_element = any(layer.shape[2] != channels for layer in pointwise)
        if by_element or convolution.op.sums_shape(convolution.shape)[:2] == (1, 1):
            return False
        points = [point for layer in reversed(pointwise) for point in layer.points]
        return any(split((*convolution.points, *points), channels).rest)

    def _cropped(self, view: View) -> View | None:
        """Return ``view`` of a stream without the elements that it leaves out; None where these must be computed."""
        if self._is_made(view):
            return view
        shape = self._shape(view.tensor)
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
        if not self._provide(view.tensor, image):
            return None
        place = np.cumsum(seen) - 1
        return replace(view, index=np.where(view.index >= 0, place[view.index], view.index))

    def _raster(self, view: View) -> View:
        """Return ``view`` of an output whose stream is an image in raster order, where a layer can make it so."""
        root = self._root(view.tensor)
        free = root in self.inputs or KIND_BY_NAME[self.layers[root].op.kind].absorbs_input_order
        shape = view.index.shape
        plane = (view.index.reshape(*shape[1:], 1),) if len(shape) == 3 else ()
        seen = (*images(view.index), *plane)
        if free or any(is_identity(image) for image in seen):
            return view
        for image in seen:
            if self._provide(view.tensor, image):
                return replace(view, index=inverse(image)[view.index])
        pixels = self._shape(view.tensor)[:2]
        shuffled = (self._shuffled(view, image) for image in seen if image.shape[:2] != pixels)
        return next(filter(None, shuffled), view)

    def _reshape(self, tensor: str, shape: Shape) -> None:
        """See a stream as ``shape`` where nothing fixes its shape."""
        changed: dict[str, Layer] = {}
        while tensor in self.layers:
            layer = self.layers[tensor]
            kind = KIND_BY_NAME[layer.op.kind]
            reshaped = kind.reshape(layer, shape)
            if reshaped is None:
                return
            changed[tensor] = reshaped
            if not kind.passes_order_on:
                break
            (tensor,) = layer.inputs
        else:
            self.inputs[tensor] = replace(self.inputs[tensor], shape=shape)
        self.layers |= changed

    def _is_made(self, view: View) -> bool:
        """Whether ``view`` is the whole ONNX tensor that a layer makes."""
        return self._made.get(view.tensor) is view.index

    def _root(self, tensor: str) -> str:
        """Return the stream whose order that of ``tensor`` is: functions of each element lie in between."""
        while tensor in self.layers and KIND_BY_NAME[self.layers[tensor].op.kind].passes_order_on:
            (tensor,) = self.layers[tensor].inputs
        return tensor

    def _over_stream(self, points: tuple[Point, ...], view: View) -> tuple[Point, ...] | None:
        return over_stream(points, view.index, math.prod(self._shape(view.tensor)), whole=self._is_made(view))

    def _shape(self, tensor: str) -> Shape:
        return self.layers[tensor].shape if tensor in self.layers else self.inputs[tensor].shape

    def _describe(self, tensor: str) -> str:
        """Return what an error says of a stream."""
        if tensor in self.inputs:
            return f"the input {self.inputs[tensor].onnx_name!r}"
        return self.layers[tensor].source or self.layers[tensor].op.kind

    def _drop(self, tensor: str) -> None:
        """Take a layer that nobody reads out again."""
        for name in self.layers.pop(tensor).inputs:
            self._read.discard(name)
