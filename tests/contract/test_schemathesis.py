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
from schemathesis.checks import CHECKS

from tests.api_world import fresh_token, running_world

KEPT = json.loads(Path(__file__).with_name("openapi.json").read_text("utf-8"))
OPERATIONS = sorted(
    f"{method.upper()} {path}" for path, methods in KEPT["paths"].items() for method in methods
)
# Checks that do not apply, each with its reason.
NOT_APPLIED = {
    "positive_data_acceptance": "what fits the schema may still be refused: a tenant that is not "
    "there, a day without reviews, two ways to name one person",
    "max_response_time": "how long an answer takes depends on what else the machine does",
}
CALM = [hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.filter_too_much,
        hypothesis.HealthCheck.data_too_large]  # fmt: skip


@pytest.fixture(scope="module")
def world(module_settings, module_database):
    with running_world(module_settings, module_database) as world:
        yield world


@pytest.fixture(scope="module")
def schema(world):
    return schemathesis.openapi.from_url(f"{world.base}/openapi.json")


def known(world, name):
    """Values of a parameter of the path that lead somewhere."""
    ids = world.ids["acme"]
    return {
        "tenant": ["acme", "acme", "brava", "empty"],
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
    headers = {"Authorization": f"Bearer {fresh_token(world, 'ada')}"}
    fitting, other = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
    cases = operation.as_strategy(generation_mode=fitting)
    if operation.body or len(operation.query) or len(operation.headers):
        cases |= operation.as_strategy(generation_mode=other)
    excluded = [check for check in CHECKS.get_all() if _name(check) in NOT_APPLIED]

    @hypothesis.settings(
        max_examples=pytestconfig.getoption("--examples"),
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=CALM,
    )
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


def _name(check):
    return getattr(check, "__name__", type(check).__name__)
