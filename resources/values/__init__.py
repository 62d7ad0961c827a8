"""Ratings and dates as people write them, read as numbers and moments.

Belongs here: reading single written values, whoever asks (the guess at a file's columns, the
normalising of reviews). Does not belong here: which rows are read together, and what becomes of a
value that cannot be read.
"""
