"""Whatever a tenant's reviews are like, their report can be printed and says the same on paper."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from odd_tenants import CAN_BE_EMPTY, MOSTLY_UNRATED, OddTenant, odd_tenants
from reporting_data import GENERATED_AT, Tenant

from resources.reporting import Printer, PrintingError, build_report, render_html
from resources.reporting.wording import quantity
from tests.pdf_text import pages_of

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def printer():
    with Printer() as warm:
        yield warm


@settings(max_examples=4, derandomize=True, deadline=None, database=None)
@given(odd=odd_tenants())
@example(odd=MOSTLY_UNRATED)
@example(odd=OddTenant(Tenant(reviews=1)))
@example(odd=OddTenant(Tenant(reviews=5), emptied=frozenset(CAN_BE_EMPTY)))
@example(odd=OddTenant(Tenant(reviews=400), odd_names=True))
def test_every_report_is_printed_and_its_figures_are_on_paper(printer, odd):
    assume(odd.tenant.reviews > 0)
    with tempfile.TemporaryDirectory() as folder:
        report = build_report(
            odd.snapshot(Path(folder)), tenant_name="Odd", colour=None, generated_at=GENERATED_AT
        )
    text = " ".join(" ".join(pages_of(printer.pdf(render_html(report)))).split())

    for figure in report.figures:
        assert figure.label in text
        if figure.value is not None:
            assert quantity(figure.value, figure.unit) in text
    for section in report.sections:
        assert section.title in text
    assert report.snapshot_version in text


def test_a_chart_that_cannot_be_drawn_is_told_at_once(printer, tmp_path):
    snapshot = OddTenant(Tenant(reviews=9)).snapshot(tmp_path)
    report = build_report(snapshot, tenant_name="Odd", colour=None, generated_at=GENERATED_AT)
    page = render_html(report)
    broken = re.sub(r'(id="figure-\w+">).*?(?=</script>)', r"\1{}", page, count=1, flags=re.DOTALL)

    with pytest.raises(PrintingError, match="cannot be drawn: TypeError"):
        printer.pdf(broken)
    assert printer.pdf(page).startswith(b"%PDF")


def test_a_page_that_draws_long_after_it_has_loaded_is_waited_for(printer):
    page = """<!doctype html><title>t</title><meta http-equiv="Content-Security-Policy"
    content="script-src 'unsafe-inline'"><body><script>setTimeout(() => {
      document.body.append("drawn late");
      document.documentElement.dataset.drawn = "1";
    }, 500)</script>"""

    assert "drawn late" in pages_of(printer.pdf(page))[0]
