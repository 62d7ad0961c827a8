"""Personal data of the people who write reviews: where it is, how it is found and erased.

Here belong the registry of every place that can hold it, the keyed marks by which an erased person
is known again without a name being kept, and the erasure itself, step by step. When an erasure runs
and how the graph counts again what depended on it is decided by ``pipelines``. The accounts of the
people who log in are no part of it; they are identity's.
"""
