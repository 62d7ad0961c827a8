"""Where reviews are collected from: making sources, changing and pausing them, what they gave.

A change counts from the next daily run on. Nothing here asks a vendor anything.
"""
