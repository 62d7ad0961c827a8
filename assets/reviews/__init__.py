"""One schema for every review, versions of it, and what had to be rejected.

The rules are in ``resources.reviews``; here are the two tables they fill and the gate that stands
before the next stage.
"""
