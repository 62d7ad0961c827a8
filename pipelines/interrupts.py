"""Ctrl-C and SIGTERM: a command ends in order, once, with one sentence and one exit code.

While Dagster executes a run it has handlers of its own, which raise in the middle of a step and
wait outside of one. What is added here holds around it: the run ends as cancelled, which nobody
tries again; a second signal does not disturb the ending; and an ending that is stuck in a call that
cannot be interrupted is cut short.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from pipelines.complaints import is_of_a_half_made_loop
from pipelines.loading import INTERRUPTED, SENTENCE, SIGNALS, end_at_once

__all__ = [
    "INTERRUPTED",
    "SENTENCE",
    "end_on_first_signal",
    "interrupt_this_process",
    "obeyed",
]

MAX_ENDING_SECONDS = 20.0
"""After this an ending that is stuck, for example in a long query, is not waited for."""

_REPEAT_SECONDS = 0.05


def end_on_first_signal() -> None:
    """Let SIGINT and SIGTERM raise ``KeyboardInterrupt``, once: ending is not interrupted again."""
    sys.unraisablehook = _raise_again
    for number in SIGNALS:
        signal.signal(number, _end)


def interrupt_this_process() -> None:
    """Stop what this process does, as Ctrl-C would; for whoever is not in the main thread."""
    os.kill(os.getpid(), signal.SIGINT)


@contextmanager
def obeyed(cancel: Callable[[], object], cancelled: Callable[[], object]) -> Iterator[None]:
    """Turn a signal that comes while the block runs into ``KeyboardInterrupt`` after it.

    Whoever handles signals inside the block may do so; what it makes of one is replaced. Outside
    the main thread, where no signal arrives, this does nothing.

    Args:
        cancel: Called at once, from another thread, when the first signal comes.
        cancelled: Called when the block has ended after a signal, or is not waited for any longer.

    Raises:
        KeyboardInterrupt: A signal came, whatever the block made of it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ear = _Ear(cancel, cancelled)
    try:
        yield
    except BaseException:
        if not ear.close():
            raise
    else:
        if not ear.close():
            return
    for number in SIGNALS:  # it has been obeyed; what follows is the ending
        signal.signal(number, _do_nothing)
    with suppress(Exception):  # a run that cannot be marked now is found dead by the next command
        cancelled()
    raise KeyboardInterrupt


class _Ear:
    """Hears every signal at once, also while the main thread is in a call that does not return."""

    def __init__(self, cancel: Callable[[], object], cancelled: Callable[[], object]) -> None:
        self._cancel = cancel
        self._cancelled = cancelled
        self._was_heard = False
        self._reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)  # noqa: FBT003 - its only argument
        self._previous = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._thread = threading.Thread(target=self._listen, name="interrupts", daemon=True)
        self._thread.start()

    def close(self) -> bool:
        """Stop listening; return whether a signal came."""
        signal.set_wakeup_fd(self._previous)
        self._writer.close()
        self._thread.join()
        self._reader.close()
        return self._was_heard

    def _listen(self) -> None:
        while heard := self._reader.recv(64):
            if any(number in heard for number in SIGNALS):
                self._was_heard = True
                break
        if not self._was_heard:
            return
        with suppress(Exception):  # the database may be what failed; the ending goes on without it
            self._cancel()
        self._reader.settimeout(MAX_ENDING_SECONDS)
        with suppress(TimeoutError):
            while self._reader.recv(64):  # further signals change nothing
                pass
            return
        with suppress(Exception):
            self._cancelled()
        end_at_once()


def _end(_number: int, frame: FrameType | None) -> None:
    if _loads_a_module(frame):  # whoever asked for the module may take it for one that is not there
        _come_again()
        return
    for number in SIGNALS:
        signal.signal(number, _do_nothing)
    raise KeyboardInterrupt


def _raise_again(swallowed: sys.UnraisableHookArgs) -> None:
    """Repeat a signal whose exception was raised where Python cannot pass it on.

    That is inside a destructor or a callback of the garbage collector, which may run at any moment:
    the exception is printed there and lost, and the command would go on.
    """
    if issubclass(swallowed.exc_type, Exception):
        if not is_of_a_half_made_loop(swallowed):
            sys.__unraisablehook__(swallowed)
        return
    if signal.getsignal(signal.SIGINT) is _do_nothing:
        end_on_first_signal()
    _come_again()


def _loads_a_module(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _come_again() -> None:
    """Repeat the signal in a moment."""
    threading.Timer(_REPEAT_SECONDS, interrupt_this_process).start()


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    """Take a signal while an earlier one is being obeyed."""
