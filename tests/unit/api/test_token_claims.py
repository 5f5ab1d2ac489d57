"""Scopes and tenants in the tokens of different providers."""

from __future__ import annotations

from typing import Any

import pytest

from api.auth.token_claims import ScopesClaim, find_claim, find_tenant

CLAIMS: dict[str, Any] = {
    "tenant_id": "north-bank",
    "https://reports.example/tenant_id": "east-bank",
    "realm_access": {"roles": ["reports:read", "offline_access"], "deep": {"er": 1}},
    "realm_access.roles": ["the whole name comes first"],
    "text": "reports:read",
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("tenant_id", "north-bank"),
        ("https://reports.example/tenant_id", "east-bank"),
        ("realm_access.deep.er", 1),
        ("realm_access.roles", ["the whole name comes first"]),
        ("realm_access.nothing", None),
        ("text.more", None),
        ("nothing.at.all", None),
        ("", None),
    ],
)
def test_a_claim_is_found_by_name_or_path(path: str, found: object) -> None:
    assert find_claim(CLAIMS, path) == found


@pytest.mark.parametrize(
    ("claims", "where", "scopes"),
    [
        ({"scope": "a b"}, ScopesClaim(), ["a", "b"]),
        ({"scp": ["a", "b", 7, None, ["c"]]}, ScopesClaim(), ["a", "b"]),
        ({"scope": {"a": 1}}, ScopesClaim(), []),
        ({}, ScopesClaim(), []),
        ({"scope": "resma/a other/b c"}, ScopesClaim(prefix="resma/"), ["a"]),
        ({"roles": ["a"], "scope": "b"}, ScopesClaim("roles"), ["a"]),
        ({"realm_access": {"roles": ["a"]}}, ScopesClaim("realm_access.roles"), ["a"]),
        ({"permissions": ["x:a", "b"]}, ScopesClaim("permissions", "x:"), ["a"]),
        ({"scp": "a", "roles": ["b"]}, ScopesClaim("scp, roles"), ["a"]),
        ({"scp": "", "roles": ["b"]}, ScopesClaim("scp,roles"), []),
        ({"roles": ["b"]}, ScopesClaim("scp,roles"), ["b"]),
        (
            {"resource_access": {"com.bank.reports": {"roles": ["a"]}, "com": {"bank": {"roles": ["b"]}}}},
            ScopesClaim("resource_access.com.bank.reports.roles"),
            ["a"],
        ),
    ],
)
def test_scopes_are_read_in_the_form_of_each_provider(
    claims: dict[str, Any], where: ScopesClaim, scopes: list[str]
) -> None:
    assert where.read(claims) == scopes


@pytest.mark.parametrize(
    ("claim", "tenant"),
    [
        ("north-bank", "north-bank"),
        (["north-bank"], "north-bank"),
        ({"north-bank": {"id": "1"}}, "north-bank"),
        (["north-bank", "east-bank"], None),
        ({"north-bank": {}, "east-bank": {}}, None),
        ([], None),
        ({}, None),
        ([["north-bank"]], None),
        (7, None),
        (None, None),
    ],
)
def test_a_claim_names_one_tenant_or_none(claim: object, tenant: str | None) -> None:
    assert find_tenant({"organization": claim}, "organization") == tenant
