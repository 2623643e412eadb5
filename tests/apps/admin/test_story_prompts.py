"""The team's story prompts: listed by tag, written, changed, removed; two who edit one at once."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from chatbot.store import story_prompts
from chatbot.store.story_prompts import NewPrompt, StoryPrompt
from chatbot.story_collection import read_examples

from . import conftest
from .conftest import House, find_field, press

pytestmark = pytest.mark.usefixtures("definitions")


def add(house: House, title: str, *tags: str, is_draft: bool = False, owner: str = "") -> StoryPrompt:
    """Keep a prompt."""
    prompt = NewPrompt(title, f"Text of {title}.", "en", tags, is_draft, owner)
    return house.store.write(story_prompts.add_prompt, prompt, "clara", house.store.clock())


def list_prompts(house: House) -> list[StoryPrompt]:
    """Give the team's prompts."""
    return house.store.read(story_prompts.list_prompts)


def read_text(app: AppTest) -> str:
    """Give all that a page says, without the signs that keep it from being Markdown."""
    return conftest.read_text(app).replace("\\", "")


def open_prompt(house: House, prompt: StoryPrompt, *, name: str = "anne", locale: str = "en-GB") -> AppTest:
    """Open one of the list."""
    app = house.log_in("story_prompts", name=name, locale=locale)
    return app.button(key=f"open {prompt.prompt_id}").click().run()


def test_list_is_of_the_team_and_narrows_by_tag(house: House) -> None:
    """The team's prompts are listed, a tester's own are not; a tag leaves those that have it."""
    add(house, "The fox", "animals", "short", is_draft=True)
    add(house, "The <b>sea</b>", "sea")
    add(house, "Mine", owner="beta-1")
    app = house.log_in("story_prompts")
    text = read_text(app)
    assert "<b>The fox</b>" in text and "Draft" in text and "The &lt;b&gt;sea&lt;/b&gt;" in text
    assert "Mine" not in text
    app = app.button_group(key="prompt_tags").set_value(["animals"]).run()
    assert "The fox" in read_text(app) and "sea" not in read_text(app).replace("sea</", "")


def test_new_prompt_is_a_draft_until_the_tick_is_taken_away(house: House) -> None:
    """What is written is kept with its tags; testers are offered it once it is no draft."""
    app = house.log_in("story_prompts")
    app = app.button(key="new_prompt").click().run()
    find_field(app, "text_input", "Title").set_value("The moon")
    find_field(app, "text_area", "Text").set_value("A walk on the moon.")
    find_field(app, "text_input", "Tags").set_value("space, night , space")
    app = press(app, "Save")
    (kept,) = list_prompts(house)
    assert (kept.title, kept.tags, kept.is_draft, kept.author) == (
        "The moon",
        ("space", "night"),
        True,
        "anne",
    )
    assert "“The moon” is saved." in read_text(app)
    app = app.button(key=f"open {kept.prompt_id}").click().run()
    find_field(app, "checkbox", "Draft: not offered to testers yet").uncheck()
    press(app, "Save")
    assert not list_prompts(house)[0].is_draft


def test_fault_stands_at_its_field_in_french(house: House) -> None:
    """An empty title is told at the title, in the reader's language; what was typed stays."""
    app = house.log_in("story_prompts", locale="fr-FR")
    app = app.button(key="new_prompt").click().run()
    find_field(app, "text_area", "Texte").set_value("Une promenade sur la lune.")
    app = press(app, "Enregistrer")
    assert read_text(app).count("Veuillez remplir ce champ.") == 1
    assert find_field(app, "text_area", "Texte").value == "Une promenade sur la lune."
    assert list_prompts(house) == []


def test_second_of_two_is_told_and_loses_nothing(house: House) -> None:
    """The second sees who saved and both texts, and saves over it on purpose."""
    prompt = add(house, "The fox")
    second = open_prompt(house, prompt, name="ben")
    first = open_prompt(house, prompt)
    find_field(first, "text_area", "Text").set_value("Anne's fox.")
    press(first, "Save")
    find_field(second, "text_area", "Text").set_value("Ben's fox.")
    second = press(second, "Save")
    text = read_text(second)
    assert "anne has saved since you began" in text
    assert "<td>Anne&#x27;s fox.</td>" in text and "<td>Ben&#x27;s fox.</td>" in text
    assert list_prompts(house)[0].text == "Anne's fox."
    second.button(key="save_over").click().run()
    kept = list_prompts(house)[0]
    assert (kept.text, kept.author, kept.revision) == ("Ben's fox.", "ben", 3)


def test_prompt_is_removed_after_a_second_thought(house: House) -> None:
    """Removing takes a tick first."""
    prompt = add(house, "The fox")
    app = open_prompt(house, prompt)
    assert app.button(key="remove_prompt").disabled
    app = app.checkbox(key=f"sure {prompt.prompt_id}").check().run()
    app = app.button(key="remove_prompt").click().run()
    assert list_prompts(house) == [] and "is removed." in read_text(app)


def test_prompts_that_ship_are_taken_over_where_there_are_none(house: House) -> None:
    """An empty page offers the prompts that come with Guichet; once there are any it does not."""
    app = house.log_in("story_prompts", locale="fr-FR")
    app = app.button(key="take_examples").click().run()
    kept = list_prompts(house)
    assert [prompt.author for prompt in kept] == ["anne"] * len(read_examples())
    assert f"{len(kept)} consignes ont été reprises." in read_text(app)
    assert kept[0].title in read_text(app)
    assert not [button for button in app.button if button.key == "take_examples"]
