"""Erasures of people who write reviews: asking for one, how far it is, its receipt.

A request only writes it down. The graph carries it out.
"""
