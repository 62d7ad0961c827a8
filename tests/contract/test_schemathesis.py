"""Schemathesis over the whole OpenAPI document: no server error, no answer that is not documented.

One server answers all of it. ``--examples 200`` asks each operation two hundred times; the suite
asks a few times. What the API promises is read from the document that is kept beside this file, so
that a new operation is asked without being named here.
"""

from __future__ import annotations

import json
from pathlib import Path

import hypothesis
import pytest
import schemathesis
from hypothesis import strategies as st

from tests.contract import asking

KEPT = json.loads(Path(__file__).with_name("openapi.json").read_text("utf-8"))
OPERATIONS = sorted(
    f"{method.upper()} {path}" for path, methods in KEPT["paths"].items() for method in methods
)
# Checks that do not apply, each with its reason.
NOT_APPLIED = {
    "positive_data_acceptance": asking.FITS_AND_IS_REFUSED + "a tenant that is not there, a day "
    "without reviews, two ways to name one person",
}


@pytest.fixture(scope="module")
def schema(world):
    return schemathesis.openapi.from_url(f"{world.base}/openapi.json")


def known(world, name):
    """Values of a parameter of the path that lead somewhere."""
    ids = world.ids["acme"]
    return {
        "tenant": asking.TENANTS,
        "review_key": [ids["review"]],
        "report_id": [ids["report"]],
        "request_id": [ids["request"]],
        "erasure_id": [ids["erasure"]],
        "file_format": ["html", "pdf", "xlsx"],
    }.get(name, [])


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_answers_as_documented_whatever_it_is_sent(world, schema, name, pytestconfig):
    method, path = name.split()
    operation = schema[path][method]
    headers, excluded = asking.headers(world), asking.excluded(NOT_APPLIED)
    fitting, other = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
    cases = operation.as_strategy(generation_mode=fitting)
    if operation.body or len(operation.query) or len(operation.headers):
        cases |= operation.as_strategy(generation_mode=other)

    @asking.settings(pytestconfig.getoption("--examples"))
    @hypothesis.given(case=cases, data=st.data())
    def ask(case, data):
        hypothesis.assume(is_sent_as_it_is(case.query))
        for parameter in case.path_parameters or {}:
            values = known(world, parameter)
            if values and data.draw(st.integers(0, 9)):  # nine of ten lead somewhere
                case.path_parameters[parameter] = data.draw(st.sampled_from(values))
        case.call_and_validate(headers=headers, excluded_checks=excluded)

    ask()


def is_sent_as_it_is(query):
    """Whether each value of a query leaves a trace in an address: an empty list or object does not.

    What was made wrong by such a value alone arrives as a request that is right.
    """
    return not any(value in ([], {}) for value in (query or {}).values())
