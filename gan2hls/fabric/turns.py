"""What an engine at which layers take turns has beside the engine."""

from __future__ import annotations

from math import ceil

from gan2hls.fabric.blocks import bits_of, counter
from gan2hls.fabric.resources import Resources


def frame_mux(inputs: int, width_bits: int, beats: int) -> Resources:
    """Return a ``g2h_concat`` of frames: a word of each input, of which one is chosen, and a register."""
    chosen = width_bits * ceil(inputs / 3)  # two signals an input: six of a LUT
    return counter(beats) + Resources(lut=chosen + inputs + 3, ff=width_bits + inputs + 1)


def frame_demux(outputs: int, width_bits: int, beats: int) -> Resources:
    """Return ``g2h_frame_demux``: one register."""
    return counter(beats) + Resources(lut=outputs + 3, ff=width_bits + 2 * outputs)


def requant_turns(lanes: int, turns: int, beats: int, shifts: int, ends: int, channels: int) -> Resources:
    """Return what ``g2h_requant`` has for layers that take turns: counters, and constants that differ.

    Args:
        lanes: channels a clock.
        turns: layers.
        beats: of a frame of one.
        shifts: different ones.
        ends: different zero points and ends of codes.
        channels: of all layers.
    """
    index, base = bits_of(turns), bits_of(channels // lanes)
    own = counter(beats) + Resources(lut=base + index, ff=base + 7 * index)
    lane = Resources(lut=(10 if shifts > 1 else 0) + (13 if ends > 1 else 0))
    return own + lanes * lane


def region_turns(turns: int, passes: int, bursts: int) -> Resources:
    """Return what ``g2h_axi_reader`` has for a region of several layers, each of so many bursts."""
    place = bits_of(turns * bursts)
    return counter(passes) + counter(bursts) + Resources(lut=2 * place, ff=place)
