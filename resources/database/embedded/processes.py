"""The embedded server's processes, as the operating system lists them.

The list is trusted more than the file in which PostgreSQL notes its process number: a killed server
leaves that file behind, and the number may belong to somebody else by then.
"""

from __future__ import annotations

import contextlib
import signal
from dataclasses import dataclass
from pathlib import Path

import psutil

_GRACE_SECONDS = 5.0


@dataclass(frozen=True)
class ServerProcesses:
    """The processes of one server.

    Attributes:
        data: The server's data folder, named on its first process's command line.
        label: The server's name, shown in the title of every other process.
    """

    data: Path
    label: str

    def all(self) -> list[psutil.Process]:
        """Those that live, also when their parent was killed."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                words = process.cmdline()
                is_child = bool(words) and words[0].startswith(f"postgres: {self.label}:")
                is_ours = self._is_parent(words) or is_child
                if is_ours and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def parent(self) -> psutil.Process | None:
        """The first process, without which the others cannot serve anybody."""
        for process in self.all():
            with contextlib.suppress(psutil.Error):
                if self._is_parent(process.cmdline()):
                    return process
        return None

    def end(self) -> bool:
        """End what is left of a server that nobody can reach any more.

        The parent is told to stop at once; children without a parent end by themselves as soon as
        they notice. Those that will not are killed.

        Returns:
            Whether there were any.
        """
        left = self.all()
        parent = self.parent()
        if parent is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                parent.send_signal(signal.SIGQUIT)
        _, stubborn = psutil.wait_procs(left, timeout=_GRACE_SECONDS)
        for process in stubborn:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(stubborn, timeout=_GRACE_SECONDS)
        return bool(left)

    def _is_parent(self, words: list[str]) -> bool:
        return "-D" in words and str(self.data) in words
