"""web: the description of the API is true, whatever is asked.

schemathesis makes requests from /openapi.json, valid ones and others, and compares each answer with
what the description says of it. It is used as a library: its pytest plugin is switched off.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from starlette.testclient import TestClient

from photosearch import Library
from photosearch.web.app import create_app
from photosearch.web.site import Terms
from tests.command import SAMPLES, Command

schemathesis = pytest.importorskip("schemathesis", reason="pip install schemathesis")

CAT = SAMPLES / "animals" / "cat.jpg"
EXAMPLES = 8
SLOW = "/api/locate"  # seconds each


@pytest.fixture(scope="module", autouse=True)
def all_of_it_imported() -> None:
    """Before there are threads: pytest parses what it imports of plugins, and of two threads that
    parse at once Python 3.11 fails one ("AST constructor recursion depth mismatch"); hypothesis
    asks of numpy what is not there before the server's thread has imported all of it.
    """
    for module in ("schemathesis.specs.openapi.schemas", "schemathesis.generation.dictionaries"):
        import_module(module)
    import_module("numpy")


@pytest.fixture(scope="module")
def client(sampled: Command, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PHOTOSEARCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        app = create_app(Library.open(Path(sampled.library)), Terms())
        with TestClient(
            app, base_url="http://127.0.0.1:8420", raise_server_exceptions=False
        ) as client:
            yield client


def id_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def described(client: TestClient) -> Any:
    """The description as schemathesis reads it, with the ids of real photos in it."""
    raw = client.get("/openapi.json").json()
    ids = [id_of(CAT), id_of(SAMPLES / "animals" / "jaguar.jpg")]
    raw["paths"] = with_ids(raw["paths"], ids)
    return schemathesis.openapi.from_dict(raw)


def with_ids(node: Any, ids: list[str]) -> Any:
    """Where an id is wanted, one of these: no chance finds one by itself."""
    if isinstance(node, list):
        return [with_ids(one, ids) for one in node]
    if not isinstance(node, dict):
        return node
    if node.get("pattern") == "^[0-9a-f]{64}$":
        return {"type": "string", "enum": [*ids, "0" * 64]}
    return {name: with_ids(one, ids) for name, one in node.items()}


# What a client may not do otherwise, a description cannot say: a text of qualifiers that means
# nothing is refused with 400, and a parameter that is too much is left alone.
LEFT_OUT = ("positive_data_acceptance", "negative_data_rejection", "unsupported_method",
            "missing_required_header", "ignored_auth")  # fmt: skip


def operations(described: Any) -> dict[str, Any]:
    found = (one.ok() for one in described.get_all_operations())
    return {one.label: one for one in found}


def test_every_route_says_what_it_is(described: Any) -> None:
    """Each parameter has bounds and a description, each route one and its errors."""
    raw = described.raw_schema
    for path, methods in raw["paths"].items():
        for method, route in methods.items():
            assert route["description"], path
            for one in route.get("parameters", []):
                assert one.get("description") or one["schema"].get("description"), (path, one)
            assert "422" in route["responses"] or not route.get("parameters"), (path, method)
    assert {"/api/search", "/api/similar", "/api/facets", "/api/complete", "/api/status",
            "/api/locate", "/api/photo/{photo}"} <= set(raw["paths"])  # fmt: skip


@pytest.mark.parametrize("mode", list(schemathesis.GenerationMode), ids=lambda mode: mode.value)
def test_no_request_breaks_the_server(described: Any, client: TestClient, mode: Any) -> None:
    """Each answer is one that the description names, and looks as it says; none is a 500."""
    left_out = [
        check for check in schemathesis.checks.CHECKS.get_all() if check.__name__ in LEFT_OUT
    ]
    for label, operation in operations(described).items():
        if mode is schemathesis.GenerationMode.NEGATIVE and not operation.query:
            continue

        @settings(
            max_examples=2 if SLOW in label else EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: Any) -> None:
            sent = case.as_transport_kwargs(base_url="http://127.0.0.1:8420")
            sent.pop("cookies", None)
            if isinstance(sent.get("data"), (bytes, str)):
                sent["content"] = sent.pop("data")
            reply = client.request(**sent)
            case.validate_response(reply, excluded_checks=left_out)

        ask()
