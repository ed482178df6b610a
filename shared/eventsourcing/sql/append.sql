-- Appending: a batch of commits, each all or nothing and independent of the others.
--
-- A commit has an id and a fingerprint, and writes to one or more streams; a write has a stream, the version that
-- the stream is expected to have (0 for none yet, null for any), and its events, if any: one without only verifies.
-- In a batch no commit id may stand twice, nor a stream that is appended to.
--
-- append_one(…), append_all(…) write what is as expected, which is nearly always so, in as few steps as there can be:
-- they give the log's head afterwards, and null where they wrote nothing, because a stream is not at its expected
-- version or a commit's id is known. append(…) then tells the commits apart.
--
-- plpgsql, volatile, read committed: the version check needs a snapshot taken after the lock.

create or replace function {schema}.append_one(
    commit_id uuid, fingerprint uuid, stream text, expected integer,
    event_ids uuid[], types text[], schemas smallint[], datas jsonb[], metas jsonb[]
) returns bigint
language plpgsql volatile
as $$
#variable_conflict use_variable
declare
    head bigint;
begin
    perform pg_advisory_xact_lock(7011, '{schema}.events'::regclass::oid::integer);
    with before as materialized (
        select coalesce((select max(e.position) from {schema}.events e), 0) as head, clock_timestamp() as instant
        where coalesce((select max(e.version) from {schema}.events e where e.stream = append_one.stream), 0) = expected
          and not exists (select from {schema}.commits k where k.id = commit_id)
    ), appended as (
        insert into {schema}.events
        select b.head + v.n, stream, expected + v.n, v.id, v.type, v.schema, v.data, v.meta, b.instant
        from before b
        cross join unnest(event_ids, types, schemas, datas, metas)
            with ordinality as v (id, type, schema, data, meta, n)
    ), noted as (
        insert into {schema}.commits
        select commit_id, fingerprint, stream, expected + cardinality(event_ids),
               b.head + cardinality(event_ids), b.instant
        from before b
    )
    select b.head + cardinality(event_ids) into head from before b;
    perform pg_notify('{schema}', '');
    return head;
end $$;

-- Streams of all writes, also of those without events, and the version that the next event of each has; commits with
-- the stream and version of their first write, once it is written, and the number, from 1, of their last event in the
-- batch. These five are null where each commit is one event: they are the events' own then.

create or replace function {schema}.append_all(
    commit_ids uuid[], fingerprints uuid[],
    streams text[], next_versions integer[], commit_streams text[], commit_versions integer[], last_events integer[],
    event_streams text[], event_versions integer[], event_ids uuid[],
    types text[], schemas smallint[], datas jsonb[], metas jsonb[]
) returns bigint
language plpgsql volatile
as $$
declare
    head bigint;
begin
    perform pg_advisory_xact_lock(7011, '{schema}.events'::regclass::oid::integer);
    with before as materialized (
        select coalesce((select max(e.position) from {schema}.events e), 0) as head, clock_timestamp() as instant
        where not exists (
            select from unnest(coalesce(streams, event_streams), coalesce(next_versions, event_versions))
                as w (stream, next)
            where coalesce((select max(e.version) from {schema}.events e where e.stream = w.stream), 0) + 1 <> w.next
        ) and not exists (select from {schema}.commits k where k.id = any (commit_ids))
    ), appended as (
        insert into {schema}.events
        select b.head + v.n, v.stream, v.version, v.id, v.type, v.schema, v.data, v.meta, b.instant
        from before b
        cross join unnest(event_streams, event_versions, event_ids, types, schemas, datas, metas)
            with ordinality as v (stream, version, id, type, schema, data, meta, n)
    ), noted as (
        insert into {schema}.commits
        select c.id, c.fingerprint, c.stream, c.version, b.head + coalesce(c.last, c.n), b.instant
        from before b
        cross join unnest(
            commit_ids, fingerprints,
            coalesce(commit_streams, event_streams), coalesce(commit_versions, event_versions), last_events
        ) with ordinality as c (id, fingerprint, stream, version, last, n)
    )
    select b.head + cardinality(event_ids) into head from before b;
    perform pg_notify('{schema}', '');
    return head;
end $$;

-- append(…) answers one row a commit, in their order:
--   appended   the first write's stream and new version, the position of the commit's last event
--   duplicate  what it was when the same command was first carried out
--   reused     the id belongs to another command; of one that was taken back from the stream nothing but the id is
--              known, and it answers to any
--   conflict   a stream is not at its expected version
--
-- A write names its commit, and an event its write, by number from 1; `sizes` counts a write's events, and
-- `event_steps` numbers them from 1. Arrays by number take the place of joins: every statement here looks into an
-- index or runs through an argument once.

create or replace function {schema}.append(
    commit_ids uuid[], fingerprints uuid[],
    write_commits integer[], streams text[], expected integer[], sizes integer[],
    event_writes integer[], event_steps integer[], event_ids uuid[],
    types text[], schemas smallint[], datas jsonb[], metas jsonb[]
) returns table (outcome text, first_stream text, last_version integer, last_position bigint)
language plpgsql volatile
as $$
declare
    instant timestamptz;
    head bigint;              -- position so far
    have integer[];           -- of each write: the version that its stream is at
    starts bigint[];          -- of each admitted write: the position before its first event
    known uuid[];             -- commits carried out before
    refused boolean[];        -- of each commit; so are the following, whole from the first: unnest goes by place
    first_streams text[] := array_fill(null::text, array[cardinality(commit_ids)]);
    last_versions integer[] := array_fill(null::integer, array[cardinality(commit_ids)]);
    last_positions bigint[] := array_fill(null::bigint, array[cardinality(commit_ids)]);
    c integer;
begin
    perform pg_advisory_xact_lock(7011, '{schema}.events'::regclass::oid::integer);
    instant := clock_timestamp();
    head := coalesce((select max(e.position) from {schema}.events e), 0);
    known := array(select k.id from {schema}.commits k where k.id = any (commit_ids));
    have := array(
        select coalesce((select max(e.version) from {schema}.events e where e.stream = w.stream), 0)
        from unnest(streams) with ordinality as w (stream, n)
        order by w.n
    );

    if known <> '{}' then
        for c in 1 .. cardinality(commit_ids) loop
            refused[c] := commit_ids[c] = any (known);
        end loop;
    end if;
    for w in 1 .. cardinality(streams) loop
        if expected[w] <> have[w] then
            refused[write_commits[w]] := true;
        end if;
    end loop;
    for w in 1 .. cardinality(streams) loop
        c := write_commits[w];
        if refused[c] is not true and sizes[w] > 0 then
            starts[w] := head;
            head := head + sizes[w];
            last_positions[c] := head;
            if first_streams[c] is null then
                first_streams[c] := streams[w];
                last_versions[c] := have[w] + sizes[w];
            end if;
        end if;
    end loop;

    insert into {schema}.events
    select starts[v.write] + v.step, streams[v.write], have[v.write] + v.step,
           v.id, v.type, v.schema, v.data, v.meta, instant
    from unnest(event_writes, event_steps, event_ids, types, schemas, datas, metas)
         with ordinality as v (write, step, id, type, schema, data, meta, n)
    where starts[v.write] is not null
    order by v.n;

    insert into {schema}.commits
    select a.id, a.fingerprint, a.stream, a.version, a.position, instant
    from unnest(commit_ids, fingerprints, first_streams, last_versions, last_positions)
         as a (id, fingerprint, stream, version, position)
    where a.position is not null;

    for c in 1 .. cardinality(commit_ids) loop
        first_stream := first_streams[c];
        last_version := last_versions[c];
        last_position := last_positions[c];
        outcome := case when last_position is null then 'conflict' else 'appended' end;
        if commit_ids[c] = any (known) then
            select case when k.fingerprint in (fingerprints[c], '00000000-0000-0000-0000-000000000000') then 'duplicate' else 'reused' end,
                   k.stream, k.version, k.position
            into outcome, first_stream, last_version, last_position
            from {schema}.commits k where k.id = commit_ids[c];
        end if;
        return next;
    end loop;
    perform pg_notify('{schema}', '');
end $$;
