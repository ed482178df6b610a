-- Each person's own key, wrapped by the master key. Erasing a person destroys the key; the row stays, so that no
-- other key is ever made for them.

create table if not exists {schema}.keys (
    subject   uuid        primary key,
    wrapped   bytea,                    -- null once erased
    made_at   timestamptz not null default clock_timestamp(),
    erased_at timestamptz,
    check ((wrapped is null) = (erased_at is not null))
);

-- The keys of these persons; to whoever has none yet the offered one is given, for good once this returns: what is
-- sealed with it may be sent again after a crash of the server, which must not have taken the key back.
create or replace function {schema}.keys_for(subjects uuid[], offered bytea[])
returns table (subject uuid, wrapped bytea)
language plpgsql volatile
as $$
begin
    perform set_config('enable_seqscan', 'off', true); -- planned once, perhaps while the table is empty
    insert into {schema}.keys as k (subject, wrapped)
    select o.subject, o.wrapped
    from unnest(subjects, offered) as o (subject, wrapped)
    order by o.subject -- so that two that make the same keys never wait for each other in a ring
    on conflict do nothing;
    return query select k.subject, k.wrapped from {schema}.keys k where k.subject = any (subjects);
end $$;
