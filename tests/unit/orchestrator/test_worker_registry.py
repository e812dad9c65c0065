"""The guide's SQL, applied as printed and as often as one likes; anything else refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from sandbox.errors import UserError
from sandbox.orchestrator.worker_registry import BadRegistration
from sandbox.storage.scratch import SqlRefused

GUIDE = Path(__file__).parents[4] / "shared" / "seed" / "worker-migration-guide.md"
ROW = "INSERT INTO worker_registry (worker_name, worker_url) VALUES ('{name}', 'https://{name}.workers.dev');"


async def test_the_guides_sql_as_printed(bench: Any) -> None:
    if not GUIDE.exists():
        pytest.skip("the guide (../shared/seed) is not here")
    (sql,) = re.findall(r"```sql\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    registry = (await bench.start()).registry
    for _ in range(3):
        assert await registry.apply_sql(sql) == ["bitware_topic_researcher"]
    (row,) = registry.rows()
    assert row == {
        "worker_name": "bitware_topic_researcher",
        "worker_url": "https://bitware-topic-researcher.workers.dev",
        "status": "active",
        "capabilities": {"input_types": ["text", "json", "reference"], "output_types": ["json", "html"]},
        "protocol_version": "2.0",
        "supports_handshake": True,
        "supports_streaming": False,
        "max_concurrent_executions": 10,
        "avg_execution_time_ms": 60000,
    }


async def test_several_statements_and_rows_the_last_of_a_name_wins(bench: Any) -> None:
    registry = (await bench.start()).registry
    await registry.apply_sql(
        ROW.format(name="a")
        + "INSERT INTO worker_registry (worker_name, worker_url) VALUES ('b', 'https://1.dev'), ('B', 'https://2.dev/');"
    )
    assert [(row["worker_name"], row["worker_url"]) for row in registry.rows()] == [
        ("B", "https://2.dev"),
        ("a", "https://a.workers.dev"),
    ]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM worker_registry",
        "DROP TABLE worker_registry",
        "DELETE FROM worker_registry",
        "UPDATE worker_registry SET status = 'x'",
        "CREATE TABLE t (a)",
        "CREATE TRIGGER t AFTER INSERT ON worker_registry BEGIN SELECT 1; END",
        "ATTACH 'x.db' AS x",
        "PRAGMA writable_schema = ON",
        "BEGIN; COMMIT",
        "SAVEPOINT a",
        "VACUUM",
        "INSERT INTO worker_token VALUES ('a', 'b')",
        "INSERT INTO sqlite_master VALUES (1,2,3,4,5)",
        "INSERT INTO worker_registry (worker_name, worker_url) SELECT name, sql FROM sqlite_master",
        "INSERT INTO worker_registry (worker_name, worker_url) VALUES (load_extension('x'), 'y')",
        "INSERT INTO worker_registry (worker_name, worker_url) VALUES ('a', hex(zeroblob(1000000000)))",
        "INSERT INTO worker_registry (worker_name) WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x FROM c) SELECT x FROM c",
        "INSERT INTO worker_registry (worker_name, no_such_column) VALUES ('a', 'b')",
        "INSERT INTO worker_registry",
        "hello",
        "\0",
        ROW.format(name="a") + "DROP TABLE worker_registry;",
        " " * 2_000_000,
    ],
)
async def test_anything_else_is_refused_and_nothing_changes(bench: Any, sql: str) -> None:
    registry = (await bench.start()).registry
    await registry.apply_sql(ROW.format(name="kept"))
    with pytest.raises(SqlRefused):
        await registry.apply_sql(sql)
    assert [row["worker_name"] for row in registry.rows()] == ["kept"]


async def test_the_refusal_names_what_was_asked_for(bench: Any) -> None:
    registry = (await bench.start()).registry
    with pytest.raises(SqlRefused, match="only INSERT INTO worker_registry"):
        await registry.apply_sql("DELETE FROM worker_registry")
    with pytest.raises(SqlRefused, match="does not run"):
        await registry.apply_sql("INSERT INTO worker_registry (colour) VALUES (1)")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("worker_name", "'a b'"),
        ("worker_name", "NULL"),
        ("worker_url", "'ftp://x'"),
        ("worker_url", "'https://'"),
        ("capabilities", "'{'"),
        ("capabilities", "'[]'"),
        ("max_concurrent_executions", "0"),
        ("max_concurrent_executions", "'many'"),
        ("avg_execution_time_ms", "-1"),
        ("status", "NULL"),
    ],
)
async def test_rows_are_checked(bench: Any, column: str, value: str) -> None:
    registry = (await bench.start()).registry
    row = {"worker_name": "'a'", "worker_url": "'https://a.dev'", column: value}
    with pytest.raises(UserError, match=column):
        await registry.apply_sql(f"INSERT INTO worker_registry ({', '.join(row)}) VALUES ({', '.join(row.values())})")
    assert registry.rows() == []


@pytest.mark.parametrize("sql", ["", ";", "-- nothing"])
async def test_no_row_at_all(bench: Any, sql: str) -> None:
    registry = (await bench.start()).registry
    with pytest.raises(BadRegistration):
        await registry.apply_sql(sql)
