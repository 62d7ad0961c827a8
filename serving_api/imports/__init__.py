"""The files that have landed: what came of each, and which of its rows were rejected and why.

Files come in by ``reviewgraph import``; nothing here takes one.
"""
