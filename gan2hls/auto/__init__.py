"""``precision: auto``: which format each layer's weights get, from measured sensitivities."""

from gan2hls.auto.assignment import Assignment, Choice, Goal, Prices, Usage, most_weight_bits, weight_bits
from gan2hls.auto.knapsack import Front, Selection
from gan2hls.auto.search import Search

__all__ = [
    "Assignment",
    "Choice",
    "Front",
    "Goal",
    "Prices",
    "Search",
    "Selection",
    "Usage",
    "most_weight_bits",
    "weight_bits",
]
