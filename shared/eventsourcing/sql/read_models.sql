-- The read models of a service: one row for each table that holds one.
--
-- `lines` is the table that queries read; `lines__next` is one that is being filled to take its place.
-- A writer moves the position only from where it left it, in the build that it knows: that is what fences it.

create table if not exists {schema}.read_models (
    name     text    primary key, -- the table's
    version  integer not null,    -- the view's, by whose code it is filled
    shape    text    not null,    -- columns, key and indexes
    build    uuid    not null,    -- another one each time a table is filled
    position bigint  not null     -- the last one folded into it
) with (fillfactor = 50);

-- An amount as events hold it, "1234.50", in fen.
create or replace function {schema}.fen(amount text) returns bigint
language sql immutable strict parallel safe
as $$ select replace(amount, '.', '')::bigint $$;
