"""Whether a provider is worth speaking to."""

from dataclasses import dataclass

from services.notify.door import ENOUGH, Door


@dataclass
class Seconds:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def shut(door: Door, seconds: Seconds) -> float:
    """For how long it is shut from now on."""
    start = seconds.now
    while door.is_shut:
        seconds.now += 0.5
    return seconds.now - start


def in_trouble(seconds: Seconds) -> Door:
    """A door that troubles have shut."""
    door = Door(seconds)
    for _ in range(ENOUGH):
        door.trouble(began=seconds.now)
    return door


def test_a_door_is_open_wide_until_there_is_trouble_after_trouble() -> None:
    door = Door(Seconds())
    for _ in range(ENOUGH - 1):
        assert (door.is_shut, door.is_wide) == (False, True)
        door.trouble(began=99.0)
    assert (door.is_shut, door.is_wide) == (False, True)
    door.trouble(began=99.0)
    assert (door.is_shut, door.is_wide) == (True, False)


def test_now_and_then_a_trouble_shuts_nothing() -> None:
    door = Door(Seconds())
    for _ in range(20):
        door.trouble(began=99.0)
        door.trouble(began=99.0)
        door.passed(began=99.0)
    assert not door.is_shut


def test_each_trouble_in_a_row_shuts_it_for_longer_up_to_a_minute() -> None:
    seconds = Seconds()
    door = in_trouble(seconds)
    pauses = [shut(door, seconds)]
    for _ in range(8):
        door.trouble(began=seconds.now)
        pauses.append(shut(door, seconds))
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert not door.is_wide


def test_one_that_gets_through_opens_it_wide() -> None:
    seconds = Seconds()
    door = in_trouble(seconds)
    shut(door, seconds)
    door.passed(began=seconds.now)
    assert door.is_wide
    for _ in range(ENOUGH):
        door.trouble(began=seconds.now)
    assert shut(door, seconds) == 1


def test_troubles_that_came_together_count_once() -> None:
    seconds = Seconds()
    door = Door(seconds)
    for _ in range(16):
        door.trouble(began=99.0)
    assert shut(door, seconds) == 1


def test_what_began_before_the_trouble_does_not_say_that_it_is_over() -> None:
    seconds = Seconds()
    door = in_trouble(seconds)
    door.passed(began=99.0)
    assert (door.is_shut, door.is_wide) == (True, False)
