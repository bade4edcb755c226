"""Watch a classifier learn: record a training run, fit its landscape, walk through it in a notebook."""
