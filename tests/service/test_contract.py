"""The whole OpenAPI is tried with made-up requests: no server error, and no answer that it does not tell of."""

from __future__ import annotations

from collections import Counter
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import strategies
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from fairmesh.api import Project
from fairmesh.service.app import create_app
from tests.service.speaking import TOKEN
from tests.status.conftest import Study

TRIES = 25  # requests of an operation
ENDLESS = "/api/v1/studies/{study}/events"
# The one keeps our header in its probe, and test_attacks has that test; the other thinks that a schema can say all.
UNFIT = [ignored_auth, positive_data_acceptance]
HEADERS = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def schema(project: Project) -> Any:
    """Return the description as a client gets it."""
    app = create_app(project, TOKEN, ["testserver"])
    return schemathesis.openapi.from_asgi("/openapi.json", app=app, headers=HEADERS)


def test_no_answer_is_unforeseen(schema: Any, study: Study) -> None:
    answers: Counter[int] = Counter()
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path != ENDLESS:
            _try(operation, [point["key"] for point in study.points], answers)
    assert answers[200] > 20
    assert answers[404] + answers[422] > 20


def _try(operation: Any, keys: list[str], answers: Counter[int]) -> None:
    """Try an operation: with made-up names, and with names of what there is."""

    @hypothesis.settings(
        max_examples=TRIES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    )
    @hypothesis.given(operation.as_strategy(), strategies.sampled_from(keys), strategies.booleans())
    def once(case: Any, key: str, real: bool) -> None:
        if real and case.path_parameters:
            there = {"study": "quick", "key": key, "run": "5b0f7a52-2a5e-4a52-9d1c-0d2f6a1b9c11", "attempt": 1}
            case.path_parameters.update({name: there[name] for name in case.path_parameters if name in there})
        answer = case.call_and_validate(headers=HEADERS, excluded_checks=UNFIT)
        answers[answer.status_code] += 1

    once()
