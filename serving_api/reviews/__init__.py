"""The reviews themselves: searching them, and the ones behind a number.

The meaning of every filter lives in ``filters`` and agrees to the last row with how the marts
count; numbers link here. No writing, no enrichment.
"""
