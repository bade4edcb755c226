"""The filter language: every shared example, the laws of its conditions, and no text that breaks it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dvi_widget.widget.query import Samples, Vocabulary, holds, parse

SHARED = json.loads((Path(__file__).parents[1] / "query_cases.json").read_text(encoding="utf-8"))
KNOWN = Vocabulary(**SHARED["vocabulary"])
_table = {**SHARED["samples"]}
_predictions = _table.pop("predictions")
SAMPLES = Samples(
    **_table,
    predictions=_predictions[str(SHARED["epoch"])],
    predictions_at=lambda epoch: _predictions[str(epoch)],
)


def shown(text):
    query = parse(text, KNOWN)
    assert query.problems == ()
    return set(np.flatnonzero(holds(query, SAMPLES)).tolist())


@pytest.mark.feature("A12")
@pytest.mark.parametrize("case", SHARED["cases"], ids=lambda case: ascii(case["text"]))
def test_the_shared_examples(case):
    query = parse(case["text"], KNOWN)
    conditions = [
        {"kind": c.kind, "negated": c.negated, "values": json.loads(json.dumps(c.values))}
        for c in query.conditions
    ]
    assert conditions == case["conditions"]
    assert [vars(problem) for problem in query.problems] == case["problems"]
    assert np.flatnonzero(holds(query, SAMPLES)).tolist() == case["shown"]


UNDERSTOOD = st.sampled_from(
    [
        case["text"].strip(" ")
        for case in SHARED["cases"]
        if len(case["conditions"]) == 1 and not case["problems"]
    ]
)


@given(UNDERSTOOD, UNDERSTOOD)
def test_conditions_beside_each_other_must_both_hold(a, b):
    assert shown(f"{a} {b}") == shown(f"{b}\t{a}") == shown(a) & shown(b)


@given(UNDERSTOOD.filter(lambda text: text[0] not in "-!"))
def test_a_sign_shows_exactly_the_others(text):
    everyone = set(range(KNOWN.n))
    assert shown(f"-{text}") == shown(f"!{text}") == everyone - shown(text)


@given(st.text() | st.text(alphabet='label:predconfsg,-!#"\\<>=.%0179 \t', max_size=40))
def test_no_text_breaks_it_and_every_condition_is_accounted_for(text):
    query = parse(text, KNOWN)
    mask = holds(query, SAMPLES)
    assert (mask.shape, mask.dtype) == ((KNOWN.n,), bool)
    places = [place for problem in query.problems for place in (problem.start, problem.end)]
    assert places == sorted(places)
    assert all(0 <= p.start < p.end <= len(text) for p in query.problems)
    # What was understood stays so when the rest is taken out.
    for problem in reversed(query.problems):
        text = text[: problem.start] + text[problem.end :]
    assert parse(text, KNOWN).conditions == query.conditions
    assert parse(text, KNOWN).problems == ()


@given(st.text(min_size=1))
def test_every_name_can_be_written_in_quotation_marks(name):
    written = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    known = Vocabulary(n=1, classes=["other", name], groups=[name])
    (of_class, of_group, negated) = parse(f"label:{written} {written} -{written}", known).conditions
    assert of_class.values == ([1, 0][name == "other"],)
    assert (of_group.kind, of_group.values, of_group.negated) == ("group", (name,), False)
    assert negated.negated


def test_names_that_differ_in_case_only_are_told_apart():
    known = Vocabulary(n=1, classes=["Cat", "CAT"])
    assert parse("label:CAT", known).conditions[0].values == (1,)
    assert parse("label:cat", known).problems[0].sentence == "There is no class “cat”; classes are Cat, CAT."


def test_of_many_names_a_few_are_listed():
    known = Vocabulary(n=1, classes=[f"c{i}" for i in range(1000)])
    sentence = parse("label:x", known).problems[0].sentence
    assert sentence == "There is no class “x”; classes are c0, c1, c2, c3, c4 and 995 more."


def test_without_groups_it_says_so():
    (problem,) = parse("flipped", Vocabulary(n=1)).problems
    assert problem.sentence == "“flipped” is neither correct, wrong nor a group; the samples have no groups."


def test_confidence_is_compared_as_it_is():
    few = Samples([0], [0], np.array([0.7], np.float32), [False], {}, lambda epoch: [0])
    assert holds(parse("conf<0.7", Vocabulary(n=1)), few).tolist() == [True]  # float32(0.7) < 0.7
