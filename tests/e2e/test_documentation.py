"""The documentation page of a local stack: operations can be tried without a key."""

from __future__ import annotations

from tests.support.client import Client
from tests.support.documentation import documentation_page, operation, try_out
from tests.support.eventually import eventually


def test_a_report_is_generated_from_the_page(client: Client) -> None:
    with documentation_page(client.stack.up.api_url) as page:
        status, report = try_out(page, "generateReport")
        assert (status, report["type"], report["format"]) == (202, "TRANSACTIONS", "PDF")
        eventually("the report is READY", lambda: client.show(report["id"])["status"] == "READY")
        status, shown = try_out(page, "getReport", reportId=report["id"])
        assert (status, shown["status"]) == (200, "READY")


def test_the_operations_are_in_the_expected_order(client: Client) -> None:
    with documentation_page(client.stack.up.api_url) as page:
        first = page.locator(".opblock-summary-path").first
        assert "generate" in first.inner_text()
        tags = page.locator(".opblock-tag").all_inner_texts()
        assert [tag.splitlines()[0] for tag in tags][:3] == ["Reports", "Legal holds", "Report types"]
        opened = operation(page, "generateReport")
        assert "reports:write" in opened.inner_text()
