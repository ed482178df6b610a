"""A registry that knows everybody, as a process of its own: all that the sending of messages asks of the real one."""

from shared.eventsourcing.codec import Codec
from shared.runtime.queries import Asked
from shared.runtime.service import Service
from shared.schemas import registry
from shared.schemas.language import events_of
from shared.schemas.personal import Personal
from shared.schemas.registry import ContactAnswer, ShowContacts


async def _contacts(query: ShowContacts, _asked: Asked) -> tuple[ContactAnswer, ...]:
    return tuple(
        ContactAnswer(
            member_id=member_id,
            name=Personal("欧阳念祖"),
            phone=Personal(f"138{member_id.int % 10**8:08d}"),
            email=None,
        )
        for member_id in query.member_ids
    )


service = Service(
    programme="registry", codec=Codec(events_of(registry).values()), commands={}, queries={ShowContacts: _contacts}
)

if __name__ == "__main__":
    service.main()
