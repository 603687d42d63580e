"""The OpenAPI description is right: a program of others makes requests from it and judges every answer."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from passwright.service.web import errors
from passwright.service.web.app import description
from tests.run_service import service

if TYPE_CHECKING:
    from pathlib import Path

# What can't be asked of us: schemas say what a body may look like, not whether a template has such a
# field (positive data may be refused), and a path takes any text (unknown ids are 404, never 400).
LEFT_OUT = ("positive_data_acceptance", "negative_data_rejection", "missing_required_header")


@pytest.fixture(scope="module", autouse=True)
def _schemathesis() -> None:
    """Loads the library, which takes a second, on nobody's account."""
    from schemathesis.checks import load_all_checks

    load_all_checks()


def examined(folder: Path, requests: int) -> int:
    """How many requests were made; each answer was judged by its status, headers, type and schema."""
    import schemathesis
    from hypothesis import HealthCheck, Phase, given, settings
    from schemathesis.checks import CHECKS

    checks = [CHECKS.get_one(name) for name in CHECKS.get_all_names() if name not in LEFT_OUT]
    made, statuses = 0, set()
    with service(folder) as running:
        logging.getLogger("passwright").setLevel(logging.WARNING)
        schema = schemathesis.openapi.from_url(f"{running.url}/api/v1/openapi.json")
        schema.config.request_timeout = 60  # how busy the machine is says nothing about the service
        operations: list[Any] = [each.ok() for each in schema.get_all_operations()]  # type: ignore[union-attr]  # all are
        assert len(operations) == 11
        known = {"passTemplate": running.ours.template}
        pass_id = running.create(extId="known-1")["data"]["id"]
        for operation in operations:
            share = -(-requests // (len(operations) - 2))  # health has nothing to vary

            @settings(
                max_examples=share,
                database=None,
                deadline=None,
                phases=[Phase.explicit, Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy())
            def run(case: Any) -> None:
                nonlocal made
                made += 1
                # Every other one meets something that is there.
                if made % 2:
                    if "passTemplate" in (case.query or {}):
                        case.query |= known
                    if "name" in (case.path_parameters or {}):
                        case.path_parameters["name"] = pass_id if made % 4 == 1 else "known-1"
                    if isinstance(case.body, dict) and isinstance(case.body.get("pass"), dict):
                        case.body["pass"]["values"] = {"fullName": "Jane Smith"}
                        if made % 8 == 1:  # and some are sure to be taken
                            case.body = {"pass": {"values": {"fullName": "Jane Smith"}}}
                headers = {"Authorization": f"Bearer {running.ours.key}"} if made % 10 else {}
                answer = case.call(headers=headers)
                statuses.add(answer.status_code)
                case.validate_response(answer, checks=checks)
                assert answer.status_code < 500
                assert len(answer.content) < 64 * 2**10 or answer.status_code < 400

            run()
    assert statuses >= {200, 201, 401, 404, 422}, statuses
    return made


@pytest.mark.no_cover
def test_api_07_requests_made_from_the_description_are_answered_as_it_says(tmp_path: Path) -> None:
    assert examined(tmp_path, 40) >= 40


@pytest.mark.ci
@pytest.mark.no_cover
def test_api_07_so_are_hundreds(tmp_path: Path) -> None:
    assert examined(tmp_path, 500) >= 500


@pytest.mark.long
def test_api_07_so_are_thousands(tmp_path: Path) -> None:
    assert examined(tmp_path, 5000) >= 5000


def test_the_description_is_openapi_that_can_be_resolved() -> None:
    """Every reference leads somewhere, nothing is described that is not used, every status is ours."""
    text = json.dumps(description())
    schemas = description()["components"]["schemas"]

    assert {name for name in schemas if f'"#/components/schemas/{name}"' not in text} == set()
    for path, operations in description()["paths"].items():
        for method, operation in operations.items():
            assert operation["operationId"], f"{method} {path}"
            for status, response in operation["responses"].items():
                assert "X-Request-Id" in response["headers"]
                assert int(status) < 400 or int(status) in errors.STATUSES.values()
                assert response["description"] != "Successful Response"
