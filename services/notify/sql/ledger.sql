-- What was handed to providers: for their budgets, and to know whose a number is that writes back. Numbers are keyed
-- hashes. Not part of the log: a person's rows go when they are erased, and all go in time.
create table if not exists {schema}.ledger (
    notification_id uuid not null,
    attempt integer not null,
    provider text not null,
    template text not null,
    number bytea not null,
    federation text not null,
    recipient text not null,
    at timestamptz not null,
    primary key (notification_id, attempt)
);
create index if not exists ledger_by_number on {schema}.ledger (number, at);
create index if not exists ledger_by_provider on {schema}.ledger (provider, at);
create index if not exists ledger_by_recipient on {schema}.ledger (recipient);
create index if not exists ledger_by_time on {schema}.ledger (at);
