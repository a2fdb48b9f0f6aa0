"""The runner: order, warm-up, gate, looks, budgets; with sides that only pretend."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterator

import pytest

from codeagent.ab.criteria import Criterion, Kind, Verdict
from codeagent.ab.decision import Gate, GateState, Look, Plan
from codeagent.ab.experiment import Metric, Settings, abba, run
from codeagent.ab.measure import MeasureError, Sample
from codeagent.ab.sides import Side, operation

CRITERION = Criterion(name="speed", kind=Kind.NON_INFERIORITY, margin=0.95)


class Machine:
    """A machine whose clock goes on by what its sides pretend to take."""

    def __init__(self, seed: int = 1) -> None:
        self.now = 0.0
        self.runs: list[str] = []
        self.chance = random.Random(seed)

    def clock(self) -> float:
        return self.now


class Pretended:
    """A side with a known cost; noise is a share of it."""

    def __init__(
        self, machine: Machine, name: str, cost: float = 0.01, noise: float = 0.02
    ) -> None:
        self.name = name
        self.machine, self.cost, self.noise = machine, cost, noise
        self.open_now = False
        self.repeats: list[int] = []

    def open(self) -> None:
        self.open_now = True

    def settle(self) -> None:
        assert self.open_now

    def run(self, repeats: int) -> Sample:
        assert self.open_now
        wall = self.cost * repeats * math.exp(self.machine.chance.gauss(0, self.noise))
        self.machine.now += wall
        self.machine.runs.append(self.name)
        self.repeats.append(repeats)
        return Sample(wall, wall / 2, 5e6 * self.cost)

    def close(self) -> None:
        self.open_now = False


def plan(**more: object) -> Plan:
    return Plan(criterion=CRITERION, **more)  # type: ignore[arg-type]


def sides(machine: Machine, ratio: float = 1.0, noise: float = 0.02) -> tuple[Pretended, Pretended]:
    return Pretended(machine, "a", 0.01, noise), Pretended(machine, "b", 0.01 * ratio, noise)


def test_like_sides_are_promoted_early_and_a_slower_one_is_rejected() -> None:
    machine = Machine()
    same = run(plan(), *sides(machine), now=machine.clock)
    assert same.verdict is Verdict.PROMOTE
    assert len(same.samples) < 80
    worse = run(plan(), *sides(machine, 1.1), now=machine.clock)
    assert worse.verdict is Verdict.REJECT
    row = worse.row()
    assert row.estimate == pytest.approx(1 / 1.1, rel=0.02)
    assert row.contender == pytest.approx(0.011, rel=0.02)
    assert row.n == len(worse.samples) == worse.looks[-1].pairs
    assert "not at least 0.95" in row.reason


def test_the_gate_holds_an_instrument_that_is_too_coarse() -> None:
    machine, seen = Machine(), list[Gate | Look]()
    found = run(plan(), *sides(machine, noise=0.6), now=machine.clock, watch=seen.append)
    assert found.verdict is Verdict.HOLD
    assert "instrument not good enough" in found.reason
    assert found.gate is not None
    assert found.gate.pairs == 400
    assert seen[0] == found.gate
    assert len(found.samples) == 80  # more of them would not make it better


@pytest.mark.parametrize(
    ("ratio", "verdict"), [(0.2, Verdict.PROMOTE), (5.0, Verdict.REJECT)], ids=["faster", "slower"]
)
@pytest.mark.parametrize(("noise", "control"), [(0.6, 0.01), (0.02, 0.0108)])
def test_what_is_further_off_than_the_instrument_is_decided_all_the_same(
    ratio: float, verdict: Verdict, noise: float, control: float
) -> None:
    machine = Machine()
    same = Pretended(machine, "control", control, noise)
    found = run(plan(), *sides(machine, ratio, noise), control=same, now=machine.clock)
    assert found.gate is not None
    assert found.gate.state is not GateState.GOOD
    assert found.verdict is verdict
    assert "instrument not good enough" in found.reason
    last = found.looks[-1]
    assert math.log(last.interval.high / last.interval.low) > 2 * found.gate.doubt > 0
    assert last.error > found.gate.doubt  # nor is it a change since another run


def test_a_difference_between_a_thing_and_itself_is_confirmed_before_it_counts() -> None:
    machine, seen = Machine(), list[Gate | Look]()
    biased = Pretended(machine, "control", 0.0104)
    found = run(plan(), *sides(machine), control=biased, now=machine.clock, watch=seen.append)
    assert [gate.state for gate in seen if isinstance(gate, Gate)] == [GateState.BIASED] * 3
    assert found.verdict is Verdict.HOLD
    assert "does not hold 1" in found.reason


def test_a_difference_that_begins_and_ends_with_a_process_does_not_hold_the_experiment() -> None:
    machine = Machine()

    class Unlucky(Pretended):
        def close(self) -> None:
            super().close()
            self.cost = 0.01

    unlucky = Unlucky(machine, "control", 0.0104)
    found = run(plan(), *sides(machine), control=unlucky, now=machine.clock)
    assert found.verdict is Verdict.PROMOTE


class Moody(Pretended):
    """Each of its processes is a little faster or slower than the others, for as long as it lives."""

    mean = 0.01
    opened = 0

    def open(self) -> None:
        super().open()
        self.opened += 1
        self.cost = self.mean * math.exp(self.machine.chance.gauss(0, 0.03))


@pytest.mark.parametrize(
    ("slower", "verdict"), [(1.0, Verdict.PROMOTE), (1.1, Verdict.REJECT)], ids=["like", "slower"]
)
def test_with_fresh_processes_what_they_differ_in_is_noise(slower: float, verdict: Verdict) -> None:
    machine = Machine()
    baseline, contender, control = (Moody(machine, name) for name in ("a", "b", "c"))
    contender.mean *= slower
    found = run(
        plan(),
        baseline,
        contender,
        control=control,
        settings=Settings(fresh=True),
        now=machine.clock,
    )
    assert found.verdict is verdict
    assert contender.opened == len(found.samples) / plan().block  # one was there already
    assert not any(side.open_now for side in (baseline, contender, control))


def test_a_control_takes_the_place_of_the_baseline_in_the_gate() -> None:
    machine = Machine()
    found = run(plan(), *sides(machine), control=Pretended(machine, "c"), now=machine.clock)
    assert found.verdict is Verdict.PROMOTE
    assert machine.runs.count("c") == 20 + 48


def test_pairs_run_in_abba_order() -> None:
    for seed in range(5):
        first = list(itertools.islice(abba(seed), 40))
        assert all(first[at] != first[at + 1] for at in range(0, 40, 2))
        assert first == list(itertools.islice(abba(seed), 40))
    assert len({tuple(itertools.islice(abba(seed), 40)) for seed in range(5)}) == 5


def test_the_two_sides_run_next_to_each_other() -> None:
    machine = Machine()
    run(plan(), *sides(machine), now=machine.clock, settings=Settings(warm_up=3, seed=4))
    measured = machine.runs[6 + 2 * 48 :]
    pairs = [measured[at : at + 2] for at in range(0, len(measured), 2)]
    assert all(sorted(pair) == ["a", "b"] for pair in pairs)
    assert all(one != other for one, other in zip(pairs[::2], pairs[1::2], strict=True))


def test_short_operations_are_repeated_alike_on_both_sides() -> None:
    machine = Machine()
    one, other = sides(machine, 1.5, noise=0.001)
    found = run(plan(), one, other, now=machine.clock, settings=Settings(unit_time=0.1))
    assert found.repeats in (10, 11)
    assert set(one.repeats[20:]) == set(other.repeats[20:]) == {found.repeats}
    assert found.costs()[1][0] == pytest.approx(0.015, rel=0.02)
    single = run(plan(), one, other, now=machine.clock, settings=Settings(unit_time=0))
    assert single.repeats == 1


def test_memory_is_not_divided_by_the_repeats() -> None:
    machine = Machine()
    found = run(
        plan(), *sides(machine), now=machine.clock, settings=Settings(metric=Metric.PEAK_RSS)
    )
    assert found.verdict is Verdict.PROMOTE
    assert found.costs()[0][0] == 5e4


@pytest.mark.parametrize(
    ("budget", "slower", "reason"),
    [
        (0.05, 1.0, "was over after 0 pairs"),  # within the warm-up
        (1.8, 1.0, "does not pay for 80 pairs"),
        (3.0, 3.0, "was over after"),  # the gate could not foresee it
    ],
)
def test_a_budget_ends_the_experiment_undecided(budget: float, slower: float, reason: str) -> None:
    machine = Machine()
    settings = Settings(budget=budget, warm_up=5, unit_time=0)
    found = run(plan(looks=1), *sides(machine, slower), now=machine.clock, settings=settings)
    assert found.verdict is Verdict.HOLD
    assert reason in found.reason
    assert found.seconds <= budget + 0.1


@pytest.mark.parametrize(
    ("noise", "control", "state"),
    [(0.6, 0.01, GateState.BLURRED), (0.02, 0.0108, GateState.BIASED)],
)
def test_the_gate_leaves_half_of_the_budget_to_the_experiment(
    noise: float, control: float, state: GateState
) -> None:
    machine = Machine()
    settings = Settings(budget=5.0, warm_up=5, unit_time=0)
    same = Pretended(machine, "control", control, noise)
    found = run(
        plan(gate_pairs=(48, 4000), gate_tries=100),
        *sides(machine, 0.2, noise),
        control=same,
        now=machine.clock,
        settings=settings,
    )
    assert found.gate is not None
    assert found.gate.state is state
    assert found.verdict is Verdict.PROMOTE  # five times as fast
    assert machine.runs.count("control") < 0.5 * settings.budget / 0.02 * 1.2


def test_an_endless_experiment_looks_after_every_block_and_stops_when_decided() -> None:
    machine, seen = Machine(), list[Gate | Look]()
    found = run(plan(endless=True), *sides(machine), now=machine.clock, watch=seen.append)
    looks = [look for look in seen if isinstance(look, Look)]
    assert found.verdict is Verdict.PROMOTE
    assert [look.pairs for look in looks] == list(range(4, 4 * len(looks) + 1, 4))
    assert looks[-1].pairs == 64


def test_the_sides_are_closed_whatever_happens() -> None:
    machine = Machine()
    one, other = sides(machine)

    def broken(repeats: int) -> Sample:
        raise MeasureError("out of order")

    other.run = broken  # type: ignore[method-assign]
    with pytest.raises(MeasureError, match="out of order"):
        run(plan(), one, other, now=machine.clock)
    assert not one.open_now
    assert not other.open_now


def test_a_cost_of_nothing_cannot_be_compared() -> None:
    machine = Machine()
    one, other = sides(machine)
    other.cost = 0.0
    with pytest.raises(MeasureError, match="no wall to compare"):
        run(plan(), one, other, now=machine.clock, settings=Settings(unit_time=0))


def spin(count: int) -> Callable[[], None]:
    def work() -> None:
        for _ in range(count):
            pass

    return work


def real() -> Iterator[tuple[Side, Side]]:
    async def awaited() -> None:
        spin(6000)()

    yield operation("fast", spin(2000)), operation("slow", spin(6000))
    yield operation("fast", spin(2000)), operation("slow and awaited", awaited)


@pytest.mark.parametrize("pair", list(real()), ids=["functions", "coroutine"])
def test_work_that_takes_three_times_as_long_is_seen_on_a_real_clock(
    pair: tuple[Side, Side],
) -> None:
    criterion = Criterion(name="speed", kind=Kind.SUPERIORITY, margin=0.5)
    wanted = Plan(criterion=criterion, gate_pairs=(8, 80), pairs=(20, 80))
    found = run(wanted, *pair, settings=Settings(warm_up=3, unit_time=0.001))
    assert found.verdict is not Verdict.PROMOTE
    assert found.gate is not None


class Disturbed(Pretended):
    """Every other run is held up by something else."""

    def run(self, repeats: int) -> Sample:
        sample = super().run(repeats)
        late = 1.0 if self.machine.chance.random() < 0.5 else 0.0
        self.machine.now += late
        return Sample(sample.wall + late * 0.05, sample.cpu)


def test_the_best_of_several_runs_tells_what_is_cost_from_what_is_waited_for() -> None:
    machine = Machine()
    pair = Disturbed(machine, "a"), Disturbed(machine, "b", 0.011)
    found = run(plan(), *pair, settings=Settings(unit_time=0), now=machine.clock)
    assert found.verdict is Verdict.HOLD
    best = Settings(unit_time=0, best_of=5)
    found = run(plan(), *pair, settings=best, now=machine.clock)
    assert found.verdict is Verdict.REJECT
    assert found.row().estimate == pytest.approx(1 / 1.1, rel=0.05)


def test_within_a_pair_the_sides_take_turns_at_being_first() -> None:
    machine = Machine()
    settings = Settings(unit_time=0, warm_up=1, best_of=4)
    run(plan(), *sides(machine), settings=settings, now=machine.clock)
    pairs = ["".join(machine.runs[start : start + 8]) for start in range(2 + 48 * 8, 500, 8)]
    assert set(pairs[:-1]) == {"abbaabba", "baabbaab"}


def test_the_best_of_no_runs_is_refused() -> None:
    with pytest.raises(ValueError, match="At least of one"):
        Settings(best_of=0)
