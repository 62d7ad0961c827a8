"""Shipped weights and their model card (README.md), written by ``resources.training``."""
