"""The explorer: a landscape to walk through in a notebook or in a page of its own."""
