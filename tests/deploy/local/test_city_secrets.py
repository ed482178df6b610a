"""`niangjia city secrets`, and `niangjia install` with what it made."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from deploy.local.county import ADMIN, passwords_in
from tests.deploy.nats.brokers import done, typed


async def test_the_database_of_a_city_is_prepared_for_its_service_alone(tmp_path: Path, database_url: str) -> None:
    folder, address = tmp_path / "secrets", urlsplit(database_url).netloc.rpartition("@")[2]
    for _ in range(2):
        done("city", "secrets", folder, "--database", address, "--reader", "0")
    assert sorted(path.name for path in folder.iterdir()) == [
        "database-url-admin",
        "database-url-city",
        "postgres-admin",
    ]
    (folder / f"database-url-{ADMIN}").write_text(database_url)
    admin = await asyncpg.connect(database_url)
    try:
        for _ in range(2):
            prepared = await asyncio.to_thread(typed, "install", folder, env={"DATABASE_URL": database_url})
            assert (prepared.exit_code, prepared.output) == (0, "prepared for city\n")
        service = await asyncpg.connect(database_url, user="city", password=passwords_in(folder)["city"])
        assert await service.fetchval("select count(*) from city.events") == 0
        await service.close()
    finally:
        await admin.execute("drop owned by city_owner, city cascade")
        await admin.execute("drop role city_owner, city")
        await admin.close()


def test_without_secrets_or_a_database_nothing_is_prepared(tmp_path: Path) -> None:
    nobody = typed("install", tmp_path, env={"DATABASE_URL": "postgresql://admin@127.0.0.1:1/niangjia"})
    assert (nobody.exit_code, "niangjia county-secrets makes them" in nobody.output) == (1, True)
    done("city", "secrets", tmp_path / "secrets", "--database", "db-1:5432,db-2:5432", "--reader", "0")
    both = (tmp_path / "secrets" / "database-url-city").read_text().strip()
    assert both.endswith("@db-1:5432,db-2:5432/niangjia?target_session_attrs=read-write")
    away = typed("install", tmp_path / "secrets", env={"DATABASE_URL": "postgresql://admin@127.0.0.1:1/niangjia"})
    assert (away.exit_code, "the database can't be prepared" in away.output) == (1, True)
