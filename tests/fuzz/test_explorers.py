"""A few hundred of the messages and values that `make fuzz` sends an explorer by the thousand."""

import messages
import pytest


@pytest.mark.parametrize("fuzz", [messages.fuzz_messages, messages.fuzz_values])
def test_whatever_is_sent_is_taken_or_refused_with_a_sentence(fuzz):
    counts, defects = fuzz(250, seed=100)
    assert defects == []
    assert counts["right"] > 50
    assert counts["clear"] > 50
