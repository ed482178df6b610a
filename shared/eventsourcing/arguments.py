"""Commits as the functions of `sql/append.sql` take them: in columns."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shared.eventsourcing.writer import Commit

__all__ = ["of_all", "of_each", "of_one"]


def of_one(commit: "Commit") -> tuple[Any, ...] | None:
    """The arguments of `append_one`; None where the commit is to several streams, or at any version."""
    (write, *others) = commit.writes
    if others or write.expected is None:
        return None
    events = write.events
    return (
        *(commit.id, commit.fingerprint, write.stream, write.expected),
        [event.id for event in events],
        [event.type for event in events],
        [event.schema for event in events],
        [event.data for event in events],
        [event.meta for event in events],
    )


def of_all(commits: Sequence["Commit"]) -> tuple[Any, ...] | None:
    """The arguments of `append_all`, as columns; None where a stream may be at any version."""
    streams: list[str] = []
    next_versions: list[int] = []
    commit_streams: list[str] = []
    commit_versions: list[int] = []
    last_events: list[int] = []
    event_streams, event_versions, ids, types, schemas, datas, metas = [], [], [], [], [], [], []
    for commit in commits:
        for write in commit.writes:
            if write.expected is None:
                return None
            streams.append(write.stream)
            next_versions.append(write.expected + 1)
            for version, event in enumerate(write.events, write.expected + 1):
                event_streams.append(write.stream)
                event_versions.append(version)
                ids.append(event.id)
                types.append(event.type)
                schemas.append(event.schema)
                datas.append(event.data)
                metas.append(event.meta)
            if write.events and len(commit_streams) == len(last_events):
                commit_streams.append(write.stream)
                commit_versions.append(write.expected + len(write.events))
        last_events.append(len(ids))
    one_each = len(streams) == len(ids) == len(commits)
    of_shapes = (streams, next_versions, commit_streams, commit_versions, last_events)
    return (
        *([commit.id for commit in commits], [commit.fingerprint for commit in commits]),
        *((None,) * len(of_shapes) if one_each else of_shapes),
        *(event_streams, event_versions, ids, types, schemas, datas, metas),
    )


def of_each(commits: Sequence["Commit"]) -> tuple[list[Any], ...]:
    """The arguments of `append`, as columns."""
    write_commits, streams, expected, sizes = [], [], [], []
    event_writes, event_steps, ids, types, schemas, datas, metas = [], [], [], [], [], [], []
    for number, commit in enumerate(commits, 1):
        for write in commit.writes:
            write_commits.append(number)
            streams.append(write.stream)
            expected.append(write.expected)
            sizes.append(len(write.events))
            for step, event in enumerate(write.events, 1):
                event_writes.append(len(streams))
                event_steps.append(step)
                ids.append(event.id)
                types.append(event.type)
                schemas.append(event.schema)
                datas.append(event.data)
                metas.append(event.meta)
    commit_ids = [commit.id for commit in commits]
    fingerprints = [commit.fingerprint for commit in commits]
    return (
        *(commit_ids, fingerprints, write_commits, streams, expected, sizes),
        *(event_writes, event_steps, ids, types, schemas, datas, metas),
    )
