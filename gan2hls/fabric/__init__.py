"""What hardware takes of an FPGA: the parts that an engine is made of, counted from their sizes.

Numbers are those of Yosys (``synth_xilinx``, 7 series): memories exactly, LUTs and flip-flops by formulas that its
counts bear out (``tests/cosim/test_rtl_synthesis.py``).
"""

from gan2hls.fabric.blocks import (
    MemoryBlock,
    adder_tree,
    bits_of,
    counter,
    credit,
    down,
    fifo,
    fork,
    last,
    memory_block,
    queue,
    ring,
    up,
)
from gan2hls.fabric.external import fill, huffman, reader, reader_queue, reorder, tile_ring, tiles, writer, writer_queue
from gan2hls.fabric.linear import (
    acc_queue,
    channel_tables,
    feeder,
    mac,
    operand_registers,
    requant,
    sequencer,
    skip_sequencer,
    step_delay,
    table,
    weight_rom,
)
from gan2hls.fabric.memories import MemoryCells, MemoryKind, bram18, memory_cells
from gan2hls.fabric.resources import Resources, overall

__all__ = [
    "MemoryBlock",
    "MemoryCells",
    "MemoryKind",
    "Resources",
    "acc_queue",
    "adder_tree",
    "bits_of",
    "bram18",
    "channel_tables",
    "counter",
    "credit",
    "down",
    "feeder",
    "fifo",
    "fill",
    "fork",
    "huffman",
    "last",
    "mac",
    "memory_block",
    "memory_cells",
    "operand_registers",
    "overall",
    "queue",
    "reader",
    "reader_queue",
    "reorder",
    "requant",
    "ring",
    "sequencer",
    "skip_sequencer",
    "step_delay",
    "table",
    "tile_ring",
    "tiles",
    "up",
    "weight_rom",
    "writer",
    "writer_queue",
]
