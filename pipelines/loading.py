"""Ctrl-C and SIGTERM while a command still loads what it consists of.

This is the first that a command loads, so it loads next to nothing itself. What handles signals
once a command runs is ``pipelines.interrupts``.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType, TracebackType

INTERRUPTED = 130
"""Exit code of a command that Ctrl-C or SIGTERM ended."""

SENTENCE = (
    "Interrupted: what was finished is kept. Run the same command again and it does the rest."
)

SIGNALS = (signal.SIGINT, signal.SIGTERM)

_PROGRAMS = ("reviewgraph", "-m")  # how the command line is called while its package is loaded


def end_at_once(_number: int = 0, _frame: FrameType | None = None) -> None:
    """Say the sentence and leave, whatever else is going on in this process."""
    try:  # noqa: SIM105 - contextlib would have to be loaded first
        os.write(2, f"{SENTENCE}\n".encode())
    except OSError:  # nobody reads it any more
        pass
    os._exit(INTERRUPTED)


class ToldWhileLoading:
    """Ends the program at once, with the sentence, when a signal comes while the block loads.

    Where the block is the loading of a command, this stays so until the command begins: no signal
    falls in between. Whoever else loads it gets their own handlers back.
    """

    def __enter__(self) -> None:
        try:
            self._previous = [signal.signal(number, end_at_once) for number in SIGNALS]
        except ValueError:  # no signal arrives outside the main thread, and none can be handled
            self._previous = []

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None and os.path.basename(sys.argv[0]) in _PROGRAMS:  # noqa: PTH119 - is light
            return
        for number, handler in zip(SIGNALS, self._previous, strict=False):
            signal.signal(number, handler)
