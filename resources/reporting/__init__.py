"""From a tenant's snapshot to documents people read: HTML, PDF and XLSX.

``build.py`` turns a snapshot into a ``Report`` (``model.py``), which is pure data: figures with
their intervals, sentences, tables, charts as tables with a kind. ``html.py`` and ``charts.py`` draw
it, ``printing.py`` prints it through one warm Chromium, ``workbook.py`` writes it as a workbook.

Belongs here: what a report says and how it looks. Does not belong here: who may have one, when it
is made, where its files are kept (``assets``, ``resources.database``, ``resources.storage``), and
how the reviews were annotated (``resources.nlp``).
"""

from __future__ import annotations

from resources.reporting.build import build_report, period_of
from resources.reporting.html import rehearsal_page, render_html
from resources.reporting.model import Period, Report, ReportHeldError
from resources.reporting.printing import Printer, PrintingError, ready_printer, start_early
from resources.reporting.workbook import write_workbook

__all__ = [
    "Period",
    "Printer",
    "PrintingError",
    "Report",
    "ReportHeldError",
    "build_report",
    "period_of",
    "ready_printer",
    "rehearsal_page",
    "render_html",
    "start_early",
    "write_workbook",
]
