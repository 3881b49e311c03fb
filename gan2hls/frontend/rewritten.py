"""A model in the forms that layers have: what nodes are together becomes what one layer, or a few, make."""

from __future__ import annotations

from collections.abc import Mapping

from gan2hls.frontend.choices import as_sums
from gan2hls.frontend.comparisons import of_differences
from gan2hls.frontend.concat_lanes import in_more_lanes
from gan2hls.frontend.frames import in_one_frame
from gan2hls.frontend.modulated import unmodulated
from gan2hls.frontend.normalize import Normalized
from gan2hls.frontend.norms import Found, without_norms
from gan2hls.frontend.quotients import as_products
from gan2hls.frontend.reductions import plain_reductions
from gan2hls.frontend.scattered import without_scatters
from gan2hls.frontend.spread import expanded_operands, unspread_operands
from gan2hls.frontend.unstacking import unstacked
from gan2hls.frontend.weighted_sums import as_means


def rewritten(plain: Normalized) -> tuple[Normalized, Mapping[str, Found]]:
    """Return ``plain`` with other nodes in the place of some of its own, and the normalizations among them.

    Raises:
        UnsupportedError: a scatter that is no view, or constants of a function that do not fit.
    """
    built, norms = without_norms(as_means(unmodulated(in_one_frame(without_scatters(plain)))))
    built = as_products(as_sums(of_differences(unstacked(plain_reductions(built)))))
    return in_more_lanes(expanded_operands(unspread_operands(built))), norms
