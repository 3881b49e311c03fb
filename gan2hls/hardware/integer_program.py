"""The choice of an option for each layer as an integer program, solved exactly where prices find no better one."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gan2hls.numbers import FloatArray, Int64Array

#: How far from the least a choice may be, and how many nodes of its tree the solver looks at, which bounds its time.
_GAP, _NODES = 1e-3, 2000


def least_makespan(
    cost: FloatArray, shares: FloatArray, spans: FloatArray, legal: npt.NDArray[np.bool_]
) -> Int64Array | None:
    """Return the options of which the longest sum of ``spans``, and then the sum of costs, is least.

    One of each layer is chosen, so that what they take together is there; by HiGHS' branch and bound
    (https://highs.dev).

    Args:
        cost: of each option, float64 ``[layers, options]``, small beside the spans.
        shares: part of what there is that it takes, float64 ``[layers, options, resources]``.
        spans: what it adds to each sum, float64 ``[layers, options, sums]``, those of a choice being about 1.
        legal: which options there are, bool ``[layers, options]``.

    Returns:
        Int64 ``[layers]``, or None: no choice fits, or none was found.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp  # takes a while, and few designs need it
    from scipy.sparse import csr_array, hstack, vstack

    layers, options = np.nonzero(legal)
    count, ones = len(layers), np.ones(len(legal))
    one_each = csr_array((np.ones(count), (layers, np.arange(count))))
    taken, sums = (csr_array(of[legal].T) for of in (shares, spans))
    makespan = [csr_array((rows, 1)) for rows in (len(ones), taken.shape[0])]
    makespan.append(csr_array(np.full((sums.shape[0], 1), -1.0)))
    rows = vstack([hstack(pair) for pair in zip((one_each, taken, sums), makespan, strict=True)])
    least = np.concatenate([ones, np.full(rows.shape[0] - len(ones), -np.inf)])
    most = np.concatenate([ones, np.ones(taken.shape[0]), np.zeros(sums.shape[0])])
    found: Any = milp(
        np.append(cost[legal], 1.0),
        integrality=np.append(np.ones(count), 0),
        bounds=Bounds(0, np.append(np.ones(count), np.inf)),
        constraints=LinearConstraint(rows, least, most),
        options={"mip_rel_gap": _GAP, "node_limit": _NODES},
    )
    if found.x is None:
        return None
    chosen: Int64Array = options[found.x[:count] > 0.5]
    return chosen
