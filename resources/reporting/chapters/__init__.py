"""The chapters of a report, one module each: from the gathered material to a ``Section``.

A chapter decides what is worth saying and in which words. It asks its questions through
``Evidence``, and knows neither colours nor paper. Where its numbers are missing, a chapter says so
in a sentence instead of drawing an empty chart; where it would say nothing at all, it is ``None``.
"""
