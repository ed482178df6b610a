-- append(…): a batch of commits, each all or nothing and independent of the others.
--
-- A commit has an id and a fingerprint, and writes to one or more streams; a write has a stream, the version that
-- the stream is expected to have (0 for none yet, null for any), and its events, if any: one without only verifies.
-- In a batch no commit id may stand twice, nor a stream that is appended to. One row a commit, in their order:
--   appended   the first write's stream and new version, the position of the commit's last event
--   duplicate  what it was when the same command was first carried out
--   reused     the id belongs to another command
--   conflict   a stream is not at its expected version
--
-- plpgsql, volatile, read committed: the version check needs a snapshot taken after the lock.

create or replace function {schema}.append(
    commit_ids uuid[], fingerprints uuid[],
    write_commits integer[], streams text[], expected integer[],
    event_writes integer[], event_ids uuid[], types text[], schemas smallint[], datas jsonb[], metas jsonb[]
) returns table (outcome text, first_stream text, last_version integer, last_position bigint)
language plpgsql volatile
as $$
declare
    head bigint;
    instant timestamptz;
begin
    perform pg_advisory_xact_lock(7011, '{schema}.events'::regclass::oid::integer);
    instant := clock_timestamp();
    select coalesce(max(e.position), 0) into head from {schema}.events e;
    return query
    with asked as materialized (
        select a.n, a.id, a.fingerprint, c.fingerprint as known, c.stream, c.version, c.position
        from unnest(commit_ids, fingerprints) with ordinality as a (id, fingerprint, n)
        left join {schema}.commits c on c.id = a.id
    ),
    writes as materialized (
        select w.n, w.asked, w.stream, w.expected,
               coalesce((select max(e.version) from {schema}.events e where e.stream = w.stream), 0) as have
        from unnest(write_commits, streams, expected) with ordinality as w (asked, stream, expected, n)
    ),
    conflicts as (
        select distinct w.asked from writes w where w.expected <> w.have
    ),
    admitted as materialized (
        select a.n from asked a
        where a.known is null and not exists (select from conflicts c where c.asked = a.n)
    ),
    appended as (
        insert into {schema}.events
        select head + row_number() over (order by v.n), w.stream,
               w.have + row_number() over (partition by v.write order by v.n),
               v.id, v.type, v.schema, v.data, v.meta, instant
        from unnest(event_writes, event_ids, types, schemas, datas, metas)
             with ordinality as v (write, id, type, schema, data, meta, n)
        join writes w on w.n = v.write
        join admitted a on a.n = w.asked
        order by v.n
        returning position, stream, version
    ),
    ends as materialized (
        select distinct on (w.asked) w.asked, w.stream,
               max(p.version) over (partition by w.n) as version,
               max(p.position) over (partition by w.asked) as position
        from writes w join appended p on p.stream = w.stream
        order by w.asked, w.n
    ),
    committed as (
        insert into {schema}.commits
        select a.id, a.fingerprint, e.stream, e.version, e.position, instant
        from asked a join ends e on e.asked = a.n
    )
    select case
               when a.known = a.fingerprint then 'duplicate'
               when a.known is not null then 'reused'
               when e.asked is not null then 'appended'
               else 'conflict'
           end,
           coalesce(e.stream, a.stream), coalesce(e.version, a.version), coalesce(e.position, a.position)
    from asked a left join ends e on e.asked = a.n
    order by a.n;
    perform pg_notify('{schema}', '');
end $$;
