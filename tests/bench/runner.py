"""The `eventsourcing` package's ProjectionRunner, on the same read model: a row a line of credit."""

import asyncio
import time
from typing import Any, Final
from uuid import UUID

from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.sql import SQL

from shared.schemas.ids import new_id
from tests.bench.harness import require
from tests.bench.line import SEEDED
from tests.bench.package import Lending, Line, settings

TABLE: Final = SQL("""
    create table if not exists lines_view (
        line uuid primary key, member uuid not null, used bigint not null, credit bigint, movements bigint not null
    )""")
UPSERT: Final = SQL("""
    insert into lines_view as l (line, member, used, credit, movements) values (%s, %s, %s, %s, 1)
    on conflict (line) do update
    set used = l.used + excluded.used, credit = coalesce(excluded.credit, l.credit), movements = l.movements + 1""")
FOLDED: Final = SQL("""
    select (select sum(movements) from lines_view) as folded, notification_id as tracked
    from lines_tracking where application_name = %s""")


class LinesTable(PostgresTrackingRecorder):
    """A change of a row, and the tracking of its event, in one transaction."""

    def __init__(self, datastore: PostgresDatastore, *, tracking_table_name: str) -> None:
        super().__init__(datastore, tracking_table_name=tracking_table_name)
        self.sql_create_statements.append(TABLE.format())

    def move(self, tracking: Tracking, line: UUID, member: UUID, used: int, credit: int | None = None) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(UPSERT, (line, member, used, credit), prepare=True)

    def folded_and_tracked(self) -> tuple[int, int]:
        with self.datastore.cursor() as cursor:
            row = cursor.execute(FOLDED, (Lending.name,)).fetchone()
            assert row is not None
            return int(row["folded"]), int(row["tracked"])

    def clear(self) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            cursor.execute("truncate lines_view")
            cursor.execute("delete from lines_tracking where application_name = %s", (Lending.name,))


class LinesProjection(Projection[LinesTable]):
    name = "lines"

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        match domain_event:
            case Line.Drawn(line=line, member=member, amount=amount):
                self.view.move(tracking, line, member, amount)
            case Line.Repaid(line=line, member=member, principal=principal, credit=credit):
                self.view.move(tracking, line, member, -principal, credit)
            case _:
                self.view.move(tracking, domain_event.originator_id, domain_event.member, 0)


class Runner:
    """A log of so many events, and a runner that begins at the first of them each time."""

    def __init__(self, dsn: str, events: int) -> None:
        self.settings, self.events = settings(dsn), events
        lending = Lending(self.settings)
        for _ in range(events // SEEDED // 500):
            lending.open_lines(new_id(), 500, SEEDED - 1)
        lending.close()

    async def run(self, seconds: float) -> float:
        """Events a second."""
        return await asyncio.to_thread(self._run, seconds)

    def _run(self, seconds: float) -> float:
        with ProjectionRunner(
            application_class=Lending, projection_class=LinesProjection, view_class=LinesTable, env=self.settings
        ) as runner:
            table: LinesTable = runner.view
            began, before = time.perf_counter(), table.max_tracking_id(Lending.name) or 0
            time.sleep(seconds)
            ended, done = time.perf_counter(), table.max_tracking_id(Lending.name) or 0
        folded, tracked = table.folded_and_tracked()
        require(folded == tracked, f"eventsourcing: {folded} events folded of {tracked}")
        require(done < self.events, "eventsourcing: the runner came to the end before its time was over")
        table.clear()
        table.datastore.close()
        return (done - before) / (ended - began)
