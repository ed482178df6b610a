-- Events that a consumer could not react to, and those of the same stream that wait behind them.

create table if not exists {schema}.letters (
    consumer   text        not null,
    sequence   bigint      not null, -- of the event in the stream it came from
    stream     text        not null, -- the event's own stream, such as line-0198…
    subject    text        not null,
    headers    jsonb       not null,
    body       jsonb       not null,
    state      text        not null check (state in ('retrying', 'parked', 'dead', 'skipped')),
    attempts   integer     not null default 0,
    next_at    timestamptz not null default now(),
    error      text,
    arrived_at timestamptz not null default now(),
    primary key (consumer, sequence)
);

create index if not exists letters_open on {schema}.letters (consumer, stream, sequence) where state <> 'skipped';
