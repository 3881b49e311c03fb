"""``precision: auto``: which format each layer's weights get, from measured sensitivities."""
