"""``mmdrfuse weights``: every shipped file, with what one has to know before using it."""

import json

import pytest

from mmdrfuse import models, recipes


def test_every_shipped_file_is_listed_with_range_light_licence_and_scores(run):
    listed = run("weights")
    assert listed.exit_code == 0, listed.stderr
    for name in models.names():
        card = models.read(name).card
        assert f"│ {name} " in listed.stdout
        assert card["range"] in listed.stdout
        for words in (*card["licences"].values(), *card["scores"]):
            assert words in listed.stdout
    assert "non-commercial use only" in listed.stdout


def test_the_cards_are_one_document(run):
    cards = json.loads(run("weights", "--json", "-").stdout)
    assert tuple(cards) == models.names()
    assert all(cards[name] == models.read(name).card for name in cards)
    assert all({"range", "light", "licences", "seeds", "scores"} <= card.keys() for card in cards.values())


@pytest.mark.parametrize("name", models.names())
def test_the_licence_of_every_set_of_the_recipe_is_on_the_card(name):
    plan = recipes.plan(name)
    sets = set() if plan.others["demo"] else {one.split("/")[0].lower() for one in plan.sets}
    assert sets <= models.read(name).card["licences"].keys()
