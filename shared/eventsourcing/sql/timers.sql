-- Deadlines derived from the log. A row is the last schedule under its key; one that fired stays as the record of it.

create table if not exists {schema}.timers (
    key      text        primary key,
    position bigint      not null,                     -- of the event that scheduled it
    event    uuid        not null,
    due      timestamptz not null,
    command  text        not null,
    content  jsonb       not null,
    meta     jsonb       not null,                     -- the event's
    attempts integer     not null default 0,
    retry_at timestamptz not null default '-infinity', -- the system's time, whatever the programme's clock says
    error    text,                                     -- the kind of what went wrong at the last attempt
    fired_at timestamptz,                              -- the programme's time
    outcome  text                                      -- done, or refused and the code
);

create index if not exists timers_due on {schema}.timers (due, key) where fired_at is null and attempts = 0;
create index if not exists timers_again on {schema}.timers (retry_at) where fired_at is null and attempts > 0;

insert into {schema}.checkpoints values ('timers', 0) on conflict do nothing;
