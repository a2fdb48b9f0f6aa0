from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codeagent.core.llm.budget import Budget, Ledger, Price, Spending
from codeagent.core.llm.wire import Usage

PRICES = {"m": Price(1.0, 10.0)}


def test_tokens_cost_what_the_table_says_unless_the_server_says_more_exactly() -> None:
    ledger = Ledger(PRICES, Budget())
    assert ledger.charge("t", "m", Usage(1_000_000, 100_000)) == 2.0
    assert ledger.charge("t", "m", Usage(1, 1, cost=0.5)) == 0.5
    assert ledger.charge(None, "unknown", Usage(5, 5)) == 0.0
    assert ledger.tasks == {"t": Spending(2, 1_000_001, 100_001, 2.5)}
    assert ledger.models["unknown"].tokens == 10
    assert ledger.total == Spending(3, 1_000_006, 100_006, 2.5)


def test_a_budget_stops_what_comes_after_it_is_used_up() -> None:
    ledger = Ledger(PRICES, Budget(tokens=100, task_tokens=50))
    assert ledger.reason_to_stop("a") is None
    ledger.charge("a", "m", Usage(50, 0))
    assert ledger.reason_to_stop("a") == "the budget of a of 50 tokens is used up"
    assert ledger.reason_to_stop("b") is None
    ledger.charge("b", "m", Usage(49, 1))
    assert ledger.reason_to_stop() == "the budget of 100 tokens is used up"


@pytest.mark.parametrize("budget", [Budget(cost=0.001), Budget(task_cost=0.001)])
def test_money_is_a_budget_too(budget: Budget) -> None:
    ledger = Ledger(PRICES, budget)
    ledger.charge("a", "m", Usage(0, 100))
    assert "0.001 USD is used up" in str(ledger.reason_to_stop("a"))


@settings(deadline=None, max_examples=50)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b"]),
            st.sampled_from(["m", "n"]),
            st.integers(0, 1000),
            st.integers(0, 1000),
        )
    )
)
def test_the_accounts_add_up(charges: list[tuple[str, str, int, int]]) -> None:
    ledger = Ledger(PRICES, Budget())
    for task, model, given_, got in charges:
        ledger.charge(task, model, Usage(given_, got))
    for account in (ledger.tasks, ledger.models):
        assert sum(each.tokens for each in account.values()) == ledger.total.tokens
        assert sum(each.requests for each in account.values()) == len(charges)
        assert sum(each.cost for each in account.values()) == pytest.approx(ledger.total.cost)


def test_usages_are_added() -> None:
    assert Usage(1, 2) + Usage(3, 4) == Usage(4, 6)
    assert Usage(1, 2, 0.5) + Usage(3, 4) == Usage(4, 6, 0.5)
