"""Identifiers from untrusted names, and how nodes are named in messages."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import onnx
from onnx import TensorProto

from gan2hls.base import Gan2HlsError
from gan2hls.model import IDENTIFIER

#: Words of C++ and SystemVerilog and names that the emitted files use; none can be the name of a model or a port.
RESERVED = frozenset(
    """
    accept_on alias alignas alignof always always_comb always_ff always_latch and and_eq ap_int ap_uint asm assert
    assign assume auto automatic before begin bench bind bins binsof bit bitand bitor bool break buf bufif0 bufif1
    byte case casex casez catch cell chandle char checker class clocking cmos compl concept config const const_cast
    constexpr constraint context continue cover covergroup coverpoint cross deassign decltype default defparam
    delete design disable dist do double dynamic_cast edge else end endcase endchecker endclass endclocking
    endconfig endfunction endgenerate endgroup endinterface endmodule endpackage endprimitive endprogram endproperty
    endsequence endspecify endtable endtask enum event eventually expect explicit export extends extern false final
    first_match float for force foreach forever fork forkjoin friend function gan2hls generate genvar global goto
    highz0 highz1 hls if iff ifnone ignore_bins illegal_bins implements implies import incdir include initial inline
    inout input inside instance int integer interconnect interface intersect join join_any join_none large let
    liblist library local localparam logic long longint macromodule main matches medium modport module mutable
    namespace nand negedge nettype new nexttime nmos noexcept nor noshowcancelled not not_eq notif0 notif1 null
    nullptr operator or or_eq output package packed parameter pmos posedge primitive priority private program
    property protected public pull0 pull1 pulldown pullup pulsestyle_ondetect pulsestyle_onevent pure rand randc
    randcase randsequence rcmos real realtime ref reg register reinterpret_cast reject_on release repeat restrict
    return rnmos rpmos rtran rtranif0 rtranif1 s_always s_eventually s_nexttime s_until s_until_with scalared
    sequence short shortint shortreal showcancelled signed sizeof small soft solve specify specparam static
    static_assert static_cast std string strong strong0 strong1 struct super supply0 supply1 switch sync_accept_on
    sync_reject_on table tagged task tb template testbench this thread_local throughout throw time timeprecision
    timeunit top tran tranif0 tranif1 tri tri0 tri1 triand trior trireg true try type typedef typeid typename union
    unique unique0 unsigned until until_with untyped use uwire var vectored virtual void volatile wait wait_order
    wand wchar_t weak weak0 weak1 while wildcard wire with within wor xnor xor xor_eq
    """.split()  # noqa: SIM905  (a list would be a page long)
)
_TAKEN = re.compile(r"l[0-9]+_|n[0-9]+_|g2h_|[sm]_axis|clk|rst")
#: Characters of the longest name, and of the digest that stands for what is lost of one.
_LONGEST, _DIGEST = 48, 6


def identifier(text: str, fallback: str) -> str:
    """Return an identifier (``ir.IDENTIFIER``) that resembles ``text``.

    Case and punctuation are dropped and accents taken off.  Where more is lost, letters of another script or what is
    beyond 48 characters, a digest of ``text`` is appended, so that other texts get other names.
    """
    decomposed = unicodedata.normalize("NFKD", text)
    plain = "".join(c for c in decomposed if not unicodedata.combining(c))
    name = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")
    if len(name) > _LONGEST or not plain.isascii():
        digest = hashlib.sha256(decomposed.encode("utf-8", "backslashreplace")).hexdigest()[:_DIGEST]
        name = f"{name[: _LONGEST - _DIGEST - 1].rstrip('_') or fallback}_{digest}"
    if not name or not name[0].isalpha() or name in RESERVED or _TAKEN.match(name):
        name = f"{fallback}_{name}".rstrip("_")
    assert IDENTIFIER.match(name), name
    return name


def port_names(ports: Iterable[onnx.ValueInfoProto]) -> list[str]:
    """Return identifiers of the model's inputs, all different; the names of two may resemble each other too much.

    None is another one with a number behind it, as branches of a tensor with several readers are called.
    """
    names: list[str] = []
    for port in ports:
        name = identifier(port.name, "x")
        names.append(name if name not in names else f"{name}_{len(names)}")
        while names[-1] in names[:-1]:
            names[-1] += "_"
    for n, name in enumerate(names):
        others = {*names[:n], *names[n + 1 :]}
        if any(re.fullmatch(rf"{other}_[0-9]+", name) for other in others):
            names[n] = f"{name}_in"
            while names[n] in others:
                names[n] += "_"
    return names


def model_name(path: Path) -> str:
    """Return the name of the model in the file ``path``, an identifier; only the suffix ``.onnx`` is left out."""
    return identifier(path.stem if path.suffix.lower() == ".onnx" else path.name, "model")


def describe(node: onnx.NodeProto) -> str:
    """Return how messages name a node; its name is untrusted and so quoted."""
    name = node.name or (node.output[0] if node.output else "")
    domain = f"{node.domain}." if node.domain not in ("", "ai.onnx") else ""
    return f"node {name!r} ({domain}{node.op_type})"


def type_name(elem: int) -> str:
    """Return how messages name an element type, which a damaged file may give any number."""
    return TensorProto.DataType.Name(elem) if elem in TensorProto.DataType.values() else f"of unknown type {elem}"


def at(error: Gan2HlsError, where: str) -> Gan2HlsError:
    """Return ``error`` with ``where``, unless it has one."""
    return error if error.where else type(error)(error.message, where=where, hint=error.hint)
