"""What notify answers of itself: providers, budgets, approvals, costs, replies, and what people want to be told."""

from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

from services.notify.boards import Approvals as ApprovalsView
from services.notify.boards import Minutes, Providers, Subscribers
from services.notify.boards import Replies as RepliesView
from services.notify.ledger import Ledger
from services.notify.numbers import masked
from services.notify.outlets import ALL
from services.notify.preferences import preferences
from services.notify.refusals import BAD_VALUES, NO_SUCH_TEMPLATE, NOT_YOURS
from services.notify.resources import Resources
from services.notify.segments import as_billed
from services.notify.senders import Sender
from services.notify.templates import Addressee, BadValues
from shared.eventsourcing.decider import SHANGHAI
from shared.runtime.queries import Answers, Asked
from shared.schemas.messages import Query, Role
from shared.schemas.notify import (
    Approval,
    ApprovalRow,
    Approvals,
    BudgetRow,
    Budgets,
    Channel,
    CostRow,
    Costs,
    Health,
    OptedIn,
    OptedOut,
    Preference,
    PreferenceChange,
    Preferences,
    Preview,
    PreviewTemplate,
    ProviderHealth,
    Replies,
    Reply,
    ShowApprovals,
    ShowBudgets,
    ShowCosts,
    ShowPreferences,
    ShowProviderHealth,
    ShowReplies,
    ShowSubscribers,
    Written,
)
from shared.schemas.notify import Subscribers as SubscriberList
from shared.schemas.personal import Personal

__all__ = ["OVERVIEWS"]

SOMEBODY: Final = Sender(name="某某区总工会", hotline="12351")
"""In whose name a federation previews that does not speak here yet."""


async def preview_template(query: PreviewTemplate, asked: Asked) -> Preview:
    known: Resources = asked.resources
    template = known.catalogue.templates.get(query.template)
    if template is None:
        raise NO_SUCH_TEMPLATE(template=str(query.template))
    to = Addressee(query.name, known.senders.get(asked.federation, SOMEBODY))
    try:
        sms, email = template.previewed(to, query.values)
    except BadValues as error:
        raise BAD_VALUES(problem=str(error)) from None
    return Preview(
        sms=sms,
        characters=None if sms is None else len(sms),
        segments=None if sms is None else as_billed(sms).parts,
        subject=email.subject if email else None,
        text=email.text if email else None,
        html=email.html if email else None,
    )


async def show_approvals(_query: ShowApprovals, asked: Asked) -> Approvals:
    known: Resources = asked.resources
    rows = await asked.read_models.some(ApprovalsView, "true")
    by_both = {(row.provider, row.template): row for row in rows}
    vendors = [name for name in known.ways.providers if known.limits_of(name).needs_approval]
    answer = []
    for provider in sorted({*vendors, *(row.provider for row in rows)}):
        for ref, template in known.catalogue.templates.items():
            if Channel.SMS not in template.channels:
                continue
            row = by_both.get((provider, str(ref)))
            answer.append(
                ApprovalRow(
                    provider=provider,
                    template=ref,
                    approval=Approval.DRAFT if row is None else Approval(row.approval),
                    code=row.code if row else None,
                    reason=row.reason if row else None,
                    changed_at=row.changed_at if row else None,
                )
            )
    return Approvals(rows=answer)


async def show_budgets(_query: ShowBudgets, asked: Asked) -> Budgets:
    known: Resources = asked.resources
    ledger, rows = Ledger(asked.read_models.pool), []
    for name in known.ways.providers:
        for budget in known.limits_of(name).budgets:
            spent, exhausted, until = await ledger.standing(name, budget, asked.now)
            rows.append(
                BudgetRow(
                    provider=name,
                    per=budget.per.value,
                    limit=budget.limit,
                    window=f"{budget.kind}-{budget.window}",
                    spent=spent,
                    exhausted=exhausted,
                    until=until,
                )
            )
    return Budgets(rows=rows)


async def show_provider_health(query: ShowProviderHealth, asked: Asked) -> Health:
    known: Resources = asked.resources
    since = asked.now - timedelta(minutes=query.minutes)
    shifted = {row.provider: row for row in await asked.read_models.some(Providers, "true")}
    sums: dict[str, Counter[str]] = {name: Counter() for name in known.ways.providers}
    for row in await asked.read_models.some(Minutes, "minute >= $1", since):
        if (counts := sums.get(row.provider)) is not None:
            for what in ("sent", "temporary", "permanent", "technical", "unconfirmed", "took_ms"):
                counts[what] += getattr(row, what)
    return Health(providers=[_health(name, counts, shifted.get(name)) for name, counts in sums.items()])


def _health(name: str, counts: Mapping[str, int], shifted: Any) -> ProviderHealth:
    return ProviderHealth(
        provider=name,
        shares=ALL if shifted is None else shifted.shares,
        shifted=None if shifted is None else shifted.why,
        shifted_at=None if shifted is None else shifted.changed_at,
        sent=counts["sent"],
        temporary=counts["temporary"],
        permanent=counts["permanent"],
        technical=counts["technical"],
        unconfirmed=counts["unconfirmed"],
        average_ms=counts["took_ms"] // counts["sent"] if counts["sent"] else None,
    )


async def show_replies(query: ShowReplies, asked: Asked) -> Replies:
    rows = await asked.read_models.some(
        RepliesView, "federation = $1 order by at desc, reply_id limit $2", asked.federation, query.limit
    )
    return Replies(
        replies=[
            Reply.model_validate({name: getattr(row, name) for name in Reply.model_fields}, from_attributes=True)
            for row in rows
        ]
    )


async def show_preferences(query: ShowPreferences, asked: Asked) -> Preferences:
    if asked.actor.role not in {Role.OFFICER, Role.OPERATOR, Role.SYSTEM} and asked.actor.id != str(query.member_id):
        raise NOT_YOURS()
    state = await asked.repository.state(preferences, query.member_id)
    changes = [
        _change(event)
        for event in await asked.opened(preferences, query.member_id)
        if isinstance(event, OptedOut | OptedIn)
    ]
    return Preferences(member_id=query.member_id, opted_out=tuple(sorted(state.unwanted)), changes=changes)


def _change(event: OptedOut | OptedIn) -> PreferenceChange:
    written = _clear(event.evidence)
    return PreferenceChange(
        at=event.at,
        change=Preference.OPT_OUT if isinstance(event, OptedOut) else Preference.OPT_IN,
        classes=event.classes,
        source=event.source,
        number=None if written is None else masked(written.number),
        text=None if written is None else written.text,
    )


def _clear(evidence: Personal[Written] | None) -> Written | None:
    return evidence.clear if evidence is not None and evidence.is_clear else None


async def show_costs(query: ShowCosts, asked: Asked) -> Costs:
    federation = query.federation or asked.federation
    if asked.actor.role is Role.OFFICER and federation != asked.federation:
        raise NOT_YOURS()
    known: Resources = asked.resources
    begins, ends = _month(query.month)
    sums = await asked.read_models.pool.fetch(
        "select programme, channel, provider, (sent_at at time zone 'Asia/Shanghai')::date, count(*),"
        " sum(segments)::bigint from notify.notifications"
        " where federation = $1 and sent_at >= $2 and sent_at < $3 group by 1, 2, 3, 4 order by 1, 2, 3, 4",
        federation,
        begins,
        ends,
    )
    parts: dict[tuple[str, str, str], Counter[Any]] = {}
    messages: Counter[tuple[str, str, str]] = Counter()
    for programme, channel, provider, day, number, segments in sums:
        key = (programme, channel, provider)
        messages[key] += number
        parts.setdefault(key, Counter())[known.prices.on(day, provider)] += segments
    rows = [
        CostRow(
            programme=key[0],
            channel=Channel(key[1]),
            provider=key[2],
            messages=messages[key],
            segments=sum(by_price.values()),
            cost=None if None in by_price else sum(price.of(count) for price, count in by_price.items()),
        )
        for key, by_price in parts.items()
    ]
    return Costs(month=query.month, rows=rows, total=sum(row.cost or 0 for row in rows))


def _month(month: str) -> tuple[datetime, datetime]:
    """When it begins and ends, in China."""
    first = date.fromisoformat(f"{month}-01")
    following = (first + timedelta(days=31)).replace(day=1)
    begins, ends = (datetime(day.year, day.month, 1, tzinfo=SHANGHAI) for day in (first, following))
    return begins, ends


async def show_subscribers(query: ShowSubscribers, asked: Asked) -> SubscriberList:
    rows = await asked.read_models.some(
        Subscribers, "federation = $1 and list = $2 order by member_id", asked.federation, query.list
    )
    return SubscriberList.model_validate({"members": [row.member_id for row in rows]})


OVERVIEWS: Final[Mapping[type[Query[Any]], Answers]] = {
    PreviewTemplate: preview_template,
    ShowApprovals: show_approvals,
    ShowBudgets: show_budgets,
    ShowProviderHealth: show_provider_health,
    ShowReplies: show_replies,
    ShowPreferences: show_preferences,
    ShowCosts: show_costs,
    ShowSubscribers: show_subscribers,
}
