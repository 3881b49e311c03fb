"""Loads on ports: which is carried by which, so that none has much more than another."""

from __future__ import annotations

from collections.abc import Sequence


def packed(loads: Sequence[int], ports: int) -> tuple[tuple[int, ...], ...]:
    """Return the indices of ``loads`` that each of so many ports carries, ascending; no port is without one.

    The greatest load chooses first, and each the port with the least: at most 4/3 of what is best (Graham 1969, longest
    processing time first).
    """
    assert 0 < ports <= len(loads), f"{ports} ports for {len(loads)} loads"
    found: list[list[int]] = [[] for _ in range(ports)]
    spent = [0] * ports
    for n in sorted(range(len(loads)), key=lambda n: -loads[n]):
        port = min(range(ports), key=lambda port: (spent[port], len(found[port])))
        found[port].append(n)
        spent[port] += loads[n]
    return tuple(tuple(sorted(port)) for port in found)


def most_loaded(loads: Sequence[int], ports: int) -> int:
    """Return the most that one of so many ports carries, as ``packed`` has it."""
    if ports == 1:
        return sum(loads)
    carried = [load for load in loads if load]
    if len(carried) <= ports:
        return max(carried, default=0)
    return max(sum(carried[n] for n in port) for port in packed(carried, ports))
