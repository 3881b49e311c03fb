"""Constants that are known, and sums of them: what is left of tables and adders when a tool has seen their bits."""

from __future__ import annotations

import numpy as np

from gan2hls.fabric.blocks import bits_of
from gan2hls.fabric.resources import Resources
from gan2hls.numbers import Int64Array

#: Inputs of a LUT.
_LUT_INPUTS = 6


def constants_in_logic(values: Int64Array) -> Resources:
    """Return what a registered table of ``values``, int64 ``[count]`` of 0 and more, takes in LUTs.

    Each different bit is a function of the bits of its place.  One that is always the same takes nothing, one that is a
    bit of the place no LUT.
    """
    places, inputs = np.arange(values.size), bits_of(values.size)
    wires = {(places >> n & 1).astype(np.int8).tobytes() for n in range(inputs)}
    columns = {(values >> n & 1).astype(np.int8).tobytes() for n in range(int(values.max()).bit_length())}
    varying = {column for column in columns if len(set(column)) > 1}
    return Resources(lut=len(varying - wires) * _function_lut(inputs), ff=len(varying))


def adder_lut(one: int, other: int, bits: int) -> int:
    """Return the LUTs of a sum, of ``bits`` bits, of numbers of these bits: none where they share no bit."""
    shared = one & other
    return bits - (shared & -shared).bit_length() + 1 if shared else 0


def _function_lut(inputs: int) -> int:
    """Return the LUTs of a function without structure; those that choose between others are most of them."""
    return 1 if inputs <= _LUT_INPUTS else 4 << (inputs - _LUT_INPUTS)
