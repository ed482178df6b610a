-- The seal chain: hashes over the log from its first event to `position`. One stays for each 1,000 positions, and
-- the last.

create table if not exists {schema}.seals (
    position  bigint      primary key,
    digest    bytea       not null,
    sealed_at timestamptz not null default clock_timestamp()
);

-- Goes on from the last seal. False, and nothing is written, where it is no longer the last: another goes on from it.
-- It runs with the rights of the schema's owner: a service may add seals by it, and change none itself.
create or replace function {schema}.seal(
    last_position bigint, last_digest bytea, positions bigint[], digests bytea[]
) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
as $$
begin
    lock table {schema}.seals in share row exclusive mode;
    if coalesce((select s.position from {schema}.seals s order by s.position desc limit 1), 0) <> last_position
       or last_position > 0
       and not exists (select from {schema}.seals s where s.position = last_position and s.digest = last_digest)
    then
        return false;
    end if;
    insert into {schema}.seals (position, digest)
    select n.position, n.digest from unnest(positions, digests) as n (position, digest);
    delete from {schema}.seals s where s.position = last_position and last_position % 1000 <> 0;
    return true;
end $$;
