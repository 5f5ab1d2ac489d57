"""A split report on the whole stack: requested on the command line, downloaded, and verified by two programs."""

from __future__ import annotations

from pathlib import Path

from tests.support.client import Client
from tests.support.command_line import CommandLine
from tests.support.verify_split import verify

REQUEST = ("ACCOUNT_STATEMENT", "-f", "CSV", "-f", "PDF", "--filter", "from=2024-03-01", "--filter", "to=2024-03-31")


def test_a_statement_for_each_account(client: Client, tmp_path: Path) -> None:
    resma = CommandLine(client.stack.folder.name, tmp_path)
    done = resma.run("generate", *REQUEST, "--split-by", "account", "--zip", "--wait")
    assert done.code == 0, done
    assert "The files add up to the snapshot" in done.out
    report = resma.do("list", "--limit", "1")["items"][0]
    report_id, split = report["id"], report["split"]
    ((accounts,),) = client.sql("SELECT count(*) FROM bank.accounts WHERE tenant_id = 'demo'")
    assert (split["keys"], split["keysDone"], split["filesFailed"]) == (accounts, accounts, 0)
    files = resma.do("files", "list", report_id, "--all")["files"]
    assert [(file["number"], file["format"]) for file in files] == [
        (number, format_) for number in range(1, split["keys"] + 1) for format_ in ("CSV", "PDF")
    ]
    found = resma.do("files", "list", report_id, "--search", files[0]["key"]["account"].lower())["files"]
    assert {file["key"]["account"] for file in found} == {files[0]["key"]["account"]}

    saved = resma.do("files", "download", report_id, "--all", "--directory", "statements")
    assert (saved["saved"], saved["errors"]) == (len(files) + 2, [])
    verified = resma.do("verify", "statements/manifest.json")
    assert (verified["files"], verified["problems"], verified["warnings"]) == (len(files), [], [])
    assert verify(tmp_path / "statements") == []
    again = resma.do("files", "download", report_id, "--all", "--directory", "statements")
    assert (again["saved"], again["present"]) == (0, len(files) + 2)
    (tmp_path / "statements" / files[0]["name"]).write_bytes(b"changed")
    assert resma.run("verify", "statements/manifest.json").code == 1
