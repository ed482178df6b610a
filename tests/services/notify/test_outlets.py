"""How much of the messages a provider gets, and how fast."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from services.notify.delivering import Health
from services.notify.door import Door
from services.notify.limits import Limits
from services.notify.outlets import BURST, Outlet, Pace, Shares, choose
from shared.schemas.notify import Shift
from tests.services.notify.test_sending import Scripted

RULES = Health(errors=3, window_seconds=60, slow_ms=1000, step=10, drift_seconds=300)


class Seconds:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def erring(shares: Shares, times: int) -> None:
    for _ in range(times):
        shares.erred()


def test_many_errors_in_a_window_take_shares_away() -> None:
    seconds = Seconds()
    shares = Shares(RULES, seconds)
    erring(shares, 2)
    seconds.now += 61
    erring(shares, 2)
    assert (shares.shift(), shares.shares) == (None, 100)
    erring(shares, 1)
    assert (shares.shift(), shares.shares) == (Shift.ERRORS, 90)
    assert shares.shift() is None


def test_slow_answers_take_shares_away_and_a_single_one_does_not() -> None:
    shares = Shares(RULES, Seconds())
    shares.answered(30)
    assert shares.shift() is None
    for _ in range(30):
        shares.answered(1.5)
    assert (shares.shift(), shares.shares) == (Shift.SLOWNESS, 90)


def test_who_is_well_again_drifts_back() -> None:
    seconds = Seconds()
    shares = Shares(RULES, seconds, 80)
    seconds.now += 299
    assert shares.shift() is None
    for expected in (90, 100):
        seconds.now += 300
        assert (shares.shift(), shares.shares) == (Shift.DRIFT, expected)
    seconds.now += 300
    assert shares.shift() is None


@given(st.lists(st.sampled_from(["error", "slow", "well", "time"]), max_size=200))
def test_shares_stay_between_none_and_all_and_come_back(happens: list[str]) -> None:
    seconds = Seconds()
    shares = Shares(RULES, seconds)
    for what in happens:
        match what:
            case "error":
                erring(shares, 3)
            case "slow":
                for _ in range(20):
                    shares.answered(9)
            case "well":
                shares.answered(0.01)
            case _:
                seconds.now += 100
        shares.shift()
        assert 0 <= shares.shares <= 100
    for _ in range(11):
        seconds.now += 300
        shares.shift()
    assert shares.shares == 100


@given(st.floats(1, 2_000), st.lists(st.floats(0, 0.2), max_size=200))
def test_a_pace_is_kept_whatever_the_pauses(per_second: float, pauses: list[float]) -> None:
    seconds = Seconds()
    pace, went = Pace(per_second, seconds), list[float]()
    for pause in pauses:
        seconds.now += pause
        if pace.wait() == 0:
            pace.go()
            went.append(seconds.now)
    for first, _ in enumerate(went):
        span = went[-1] - went[first]
        assert len(went) - first <= (span + BURST) * per_second + 2


def outlet(name: str, shares: int, seconds: Seconds) -> Outlet:
    provider = Scripted(name=name)
    return Outlet(provider, Limits(), Shares(RULES, seconds, shares), Door(seconds), Pace(None, seconds), seconds)


def test_providers_get_messages_by_weight_and_shares() -> None:
    seconds = Seconds()
    outlets = [outlet("a", 100, seconds), outlet("b", 50, seconds), outlet("c", 0, seconds)]
    chosen = Counter(choose(outlets, {"a": 2, "b": 4, "c": 9}).name for _ in range(4_000))
    assert set(chosen) == {"a", "b"}
    assert 1_800 < chosen["a"] < 2_200


def test_where_none_has_shares_left_weights_alone_count() -> None:
    seconds = Seconds()
    outlets = [outlet("a", 0, seconds), outlet("b", 0, seconds)]
    assert {choose(outlets, {"a": 1, "b": 1}).name for _ in range(200)} == {"a", "b"}


def test_a_provider_has_room_for_so_many_and_in_doubt_for_one() -> None:
    seconds = Seconds()
    one = outlet("a", 100, seconds)
    one.under_way = 3
    assert one.wait() == 0
    one.under_way = 4
    assert one.wait() == float("inf")
    for _ in range(3):
        one.door.trouble(seconds.now)
    seconds.now += 2
    one.under_way = 0
    assert one.wait() == 0
    one.under_way = 1
    assert one.wait() == float("inf")
