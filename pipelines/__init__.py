"""When things run, and the command line.

``definitions`` puts assets, jobs, schedules and sensors together; ``cli`` is the ``reviewgraph``
command. What an asset computes lives in ``assets``, how the world is reached in ``resources``.
"""
