-- The log of one service, in a schema of its own. Insert-only: position is gapless and in commit order.

create table if not exists {schema}.events (
    position    bigint      primary key,
    stream      text        not null,
    version     integer     not null,
    id          uuid        not null,
    type        text        not null,
    schema      smallint    not null,
    data        jsonb       not null,
    meta        jsonb       not null,
    recorded_at timestamptz not null,
    unique (stream, version)
) with (fillfactor = 100, autovacuum_vacuum_insert_scale_factor = 0.02);

create table if not exists {schema}.commits (
    id          uuid        primary key, -- the command's id
    fingerprint uuid        not null,    -- of the command's caller, kind and body
    stream      text        not null,
    version     integer     not null,
    position    bigint      not null,
    recorded_at timestamptz not null
) with (fillfactor = 100);

create table if not exists {schema}.checkpoints (
    consumer text   primary key,
    position bigint not null
);
