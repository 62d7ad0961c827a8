"""Annotating texts while the client waits: the engine of the graph, for up to 1,000 texts.

The rows are those of the table ``review_enrichments``. Nothing is stored.
"""
