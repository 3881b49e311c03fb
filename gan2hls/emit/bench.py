"""The cocotb benches of a project: ``testbench/`` with golden vectors, needing neither gan2hls nor NumPy to run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from gan2hls.emit.memory import IMAGE
from gan2hls.emit.rendering import render
from gan2hls.hardware import Design, MemoryMap, Stream, StreamPort, frame_count
from gan2hls.numbers import Int64Array

#: Files of ``testbench/`` that every project gets as they are.
STATIC = ("axis.py", "run.py", "runtime_cache.py", "test_stream.py", "vectors.py")
#: The same of a project whose design reads an external memory.
STATIC_MEMORY = ("memory.py",)
#: The image of the external memory, from ``testbench/``.
MEMORY_IMAGE = "../memory/memory.image"
#: What the benches of a project are called.
DUTS = ("rtl", "hls")
#: How g++ makes the C++ of the hls design fast.
_OPTIMIZED = ("-O2", "-ftree-vectorize", "-fvect-cost-model=dynamic")


def emit_bench(design: Design, tensors: Mapping[str, Int64Array], *, seed: int = 0) -> dict[str, bytes]:
    """Return every file of the benches, by path relative to ``testbench/``.

    Args:
        design: what the benches verify.
        tensors: golden codes ``[N, H, W, C]`` of the inputs and of every layer, by name, of whole batches.
        seed: of idle cycles and back-pressure.
    """
    root = Path(str(files("gan2hls.testbench")))
    static = STATIC if design.memory is None else (*STATIC, *STATIC_MEMORY)
    made = {file: (root / file).read_bytes() for file in static}
    made |= {f"vectors/{name}.hex": vectors(stream, tensors[name]) for name, stream in design.streams.items()}
    frames = len(tensors[design.inputs[0].tensor]) // design.batch
    made["bench.json"] = (json.dumps(_bench(design, frames, seed), indent=1) + "\n").encode()
    name = design.name
    made["Makefile"] = render("project/testbench/Makefile.j2", {"name": name})
    made[f"{name}.vlt"] = ports_vlt(name, memory=design.memory is not None)
    made[f"{name}_hls.vlt"] = ports_vlt(f"{name}_hls_shell")
    made[f"{name}_hls_shell.sv"] = render("dpi/shell.sv.j2", _shell(design))
    return dict(sorted(made.items()))


def ports_vlt(top: str, *, memory: bool = False) -> bytes:
    """Return the Verilator configuration that opens ``top``'s ports to the bench, with ``memory`` those of it too."""
    return render("project/testbench/ports.vlt.j2", {"top": top, "memory": memory})


def entry(stream: Stream) -> dict[str, Any]:
    """Return the part of ``bench.json`` that describes a stream."""
    return {
        "name": stream.tensor,
        "bits": stream.elem.bits,
        "signed": stream.elem.signed,
        "lanes": stream.lanes,
        "shape": list(stream.shape),
        "beats": stream.beats,
        "file": f"vectors/{stream.tensor}.hex",
    }


def vectors(stream: Stream, codes: Int64Array) -> bytes:
    """Return ``codes`` ``[N, H, W, C]`` of a stream as one beat per line in hexadecimal."""
    lanes = codes.reshape(-1, stream.lanes, 1)
    bits = ((lanes >> np.arange(stream.elem.bits)) & 1).astype(np.uint8).reshape(len(lanes), -1)
    packed = np.packbits(bits, axis=1, bitorder="little")[:, ::-1]
    return packed.tobytes().hex("\n", stream.byte_count).encode() + b"\n"


def _bench(design: Design, frames: int, seed: int) -> dict[str, Any]:
    layers = [
        {
            **entry(engine.sends),
            "reads": list(engine.layer.inputs),
            "trace": f"trace_{engine.layer.name}.hex",
            "interval": design.unit(engine.layer.name).interval,
            "mac_steps": engine.mac_steps,
        }
        for engine in design.engines
    ]
    return {
        "name": design.name,
        "frames": frames,
        "full_rate_frames": max(frames, frame_count(design)),
        "seed": seed,
        "patience": 1,
        "inputs": [{**entry(port.stream), "prefix": f"{port.axis}_"} for port in design.sources],
        "outputs": [{**entry(port.stream), "prefix": f"{port.axis}_"} for port in design.sinks],
        "layers": layers,
        "duts": {"rtl": _rtl(design), "hls": _hls(design)},
    }


def dut(top: str, **changes: Any) -> dict[str, Any]:
    """Return one entry of ``duts``: how to build a design under test and how to talk to it.

    ``{here}`` stands for the folder of ``bench.json``, ``{ap_types}`` for that of ``ap_int.h``.
    """
    build: dict[str, Any] = {
        "sources": [],
        "filelists": [],
        "defines": {},
        "cpp": [],
        "cflags": [],
        "verilator": [],
        "plusargs": [],
        "data": [],
    }
    return {"top": top, "clock": "clk_i", "reset": "rst_ni", **build, "traces": False, **changes}


def _rtl(design: Design) -> dict[str, Any]:
    name = design.name
    return dut(
        name,
        sources=[f"{{here}}/{name}.vlt"],
        filelists=[f"{{here}}/../rtl/{name}.f"],
        defines={"GAN2HLS_TRACE": "1", "GAN2HLS_MEM_DIR": '"{here}/../rtl/mem/"'},
        traces=True,
        # Else what enters a shared engine becomes one expression, on which g++ works for more than 40 minutes.
        verilator=["-fno-dfg"] if design.shared else [],
        **({} if design.memory is None else {"memory": _memory(design.memory)}),
    )


def _memory(memory: MemoryMap) -> dict[str, Any]:
    return {
        "image": MEMORY_IMAGE if memory.regions else "",
        "span": memory.span if memory.rings else 0,
        "ports": {port.axi: bool(port.rings) for port in memory.ports},
    }


def _hls(design: Design) -> dict[str, Any]:
    name = design.name
    hls = "{here}/../hls"
    return dut(
        f"{name}_hls_shell",
        sources=[f"{{here}}/{name}_hls.vlt", f"{{here}}/{name}_hls_shell.sv"],
        cpp=[f"{hls}/{name}.cpp", f"{hls}/{name}_dpi.cpp"],
        cflags=[f"-I{hls}", f"-I{hls}/lib/csim", "-I{ap_types}", "-Wno-unknown-pragmas", *_OPTIMIZED],
        data=[f"{{here}}/../{IMAGE}"] if design.has_image else [],
    )


def _shell(design: Design) -> dict[str, Any]:
    sources, sinks = ([_shell_port(port) for port in ports] for ports in (design.sources, design.sinks))
    return {"name": design.name, "sources": sources, "sinks": sinks}


def _shell_port(port: StreamPort) -> dict[str, Any]:
    words = -(-port.stream.byte_count // 4)
    return {
        "axis": port.axis,
        "word": port.word,
        "suffix": port.suffix,
        "beats": port.stream.beats,
        "last_beat": port.stream.beats - 1,
        "bits": port.padded_bits,
        "high": port.padded_bits - 1,
        "words": words,
        "word_bits": 32 * words,
        "word_high": 32 * words - 1,
    }
