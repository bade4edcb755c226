"""Every feature has a test that shows it, or says what is missing, and the table of them is up to date."""

from features import FEATURES, PARTLY, TABLE, asserts, marked, table


def test_every_feature_has_a_test_or_a_notebook_that_asserts():
    tests = marked()
    assert not set(tests) - set(FEATURES), "a marker names a feature that is none"
    shown = {key for key, feature in FEATURES.items() if any(map(asserts, feature.notebooks))} | set(tests)
    assert not set(FEATURES) - shown, "a feature without a test that carries its marker"


def test_what_is_missing_is_named_by_feature_in_a_sentence():
    assert set(PARTLY) <= set(FEATURES)
    assert all(len(why.split()) > 2 for why in PARTLY.values())


def test_the_table_is_up_to_date():
    assert TABLE.read_text(encoding="utf-8") == table(), "run `python tests/features.py`"
