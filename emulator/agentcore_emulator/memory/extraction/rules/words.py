"""Words: their stems, and which of them say what a sentence is about."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Final

__all__ = ["NAMES", "categories", "key", "stem", "stems"]

_WORD = re.compile(r"[^\W_]+(?:[.'+#-][^\W_]+)*[+#]*")

# Words that say nothing of what a sentence is about; among them those that turn it into its opposite or into something
# that was: "I no longer own a car" is about the same as "I own a car".
_EMPTY: Final = frozenset(
    "a an the this that these those my your his her its our their i me we us you he she it they them mine ours theirs "
    "am is are was were be been being do does did don't doesn't didn't have has had having will would can could should "
    "shall may might must not no never and or but so if then than as of at by for with about to from in on up out off "
    "over under again very really just also too now still already yet only even actually currently recently usually "
    "always often sometimes mostly generally typically rarely definitely absolutely totally especially anymore any "
    "more longer much lot lots kind sort bit quite rather pretty please there here when while because since until "
    "into onto before after during user who which what where how why some such ever personally simply ones one used dislike like love "
    "enjoy hate prefer prefers likes loves enjoys hates dislikes adore detest avoid stand cannot can't isn't aren't "
    "won't wasn't weren't haven't hasn't i'm i've i'd i'll instead switched stopped started "
    .split()
)  # fmt: skip

NAMES: Final[Mapping[str, str]] = {
    "food": "food eat meal lunch dinner breakfast brunch restaurant sushi tuna salmon pizza pasta burger cook cooking "
    "cuisine dish recipe vegetarian vegan pescatarian meat fish seafood shrimp chicken beef pork lamb salad soup cheese "
    "bread rice noodle ramen curry spicy taco dessert cake cookie chocolate fruit apple banana vegetable tofu bagel snack steak "
    "egg gluten lactose nut peanut shellfish cilantro mushroom kosher halal bake baking barbecue sandwich",
    "drink": "drink coffee tea beer wine whisky whiskey cocktail juice soda espresso latte cappuccino decaf milk water",
    "travel": "travel trip flight fly airline airport plane hotel hostel vacation holiday seat aisle train passport visa "
    "tour cruise destination beach ryokan airbnb itinerary luggage suitcase abroad sightseeing backpacking journey road",
    "programming": "python java javascript typescript rust golang c++ c# ruby kotlin swift haskell code coding programming "
    "program programmer developer software vim neovim emacs vscode editor ide git docker kubernetes database postgres "
    "postgresql mysql sqlite sql api framework react django flask linux bash debug algorithm distributed backend frontend "
    "compiler tab indentation repository terraform lambda microservice script function library",
    "technology": "computer laptop pc phone iphone android macos mac app gadget dark light mode theme keyboard "
    "monitor browser thinkpad tablet printer wifi router headphone smartwatch ai robot",
    "music": "music song band concert guitar piano cello violin drum flute saxophone jazz rock classical album sing "
    "singing singer playlist vinyl opera hip-hop choir orchestra",
    "entertainment": "movie film tv series show game gaming videogame anime netflix theater theatre podcast comedy horror "
    "thriller documentary sci-fi cinema chess puzzle",
    "reading": "read reading novel author library fiction poetry poem magazine mystery biography",
    "sports": "sport football soccer basketball baseball tennis golf hockey running swim swimming gym yoga pilates cycling "
    "bike biking hike hiking climb climbing ski skiing snowboard surf surfing marathon workout fitness jog jogging",
    "pets": "dog cat pet puppy kitten corgi labrador poodle bird parrot hamster rabbit horse goldfish",
    "family": "wife husband son daughter kid child children parent mother father mom dad brother sister family married "
    "partner girlfriend boyfriend fiance wedding grandmother grandfather grandson twin baby",
    "health": "allergic allergy doctor medicine medication diabetes diabetic asthma sleep diet health pain injury "
    "intolerant celiac coeliac therapy dentist vaccine blood migraine pregnant",
    "work": "work job office meeting company startup employer employed colleague manager career remote project client "
    "deadline team salary pilot engineer engineering teacher nurse lawyer accountant designer architect scientist "
    "researcher consultant boss intern freelance freelancer business",
    "home": "house apartment garden gardening home kitchen furniture rent condo neighborhood city live",
    "style": "color colour blue red green purple yellow orange black clothes shoe fashion wear dress jacket shirt cotton",
    "shopping": "buy price brand order purchase shop shopping discount delivery refund return store warranty shipping",
    "communication": "email call text sms message answer response reply tone formal informal casual short concise brief "
    "detailed bullet explanation metric imperial celsius fahrenheit unit notification",
    "learning": "learn learning study studying course school university college language student exam degree spanish french "
    "german japanese english math history",
    "finance": "money bank invest investing investment stock saving mortgage loan tax crypto budget retirement insurance",
}
"""The words of each category, the more telling categories first."""


def stem(word: str) -> str:
    """What the forms of an English word have in common, more or less."""
    word = word.lower().removesuffix("'s").strip("'")
    if len(word) > 4 and word.endswith("ies"):
        word = word[:-2]
    elif len(word) > 4 and word.endswith(("sses", "shes", "ches", "xes", "zes")):
        word = word[:-2]
    elif len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for suffix in ("ing", "ed"):
        if len(word) > len(suffix) + 2 and word.endswith(suffix) and re.search("[aeiouy]", word[: -len(suffix)]):
            word = word[: -len(suffix)]
            if len(word) > 2 and word[-1] == word[-2] and word[-1] not in "lsz":
                word = word[:-1]
            break
    if len(word) > 3 and word.endswith("e"):
        word = word[:-1]
    return word[:-1] + "i" if len(word) > 2 and word.endswith("y") else word


def stems(text: str) -> list[str]:
    """The stems of the words that say what a text is about, in order, each once."""
    words = (word.lower() for word in _WORD.findall(text))
    return list(dict.fromkeys(stem(word) for word in words if word not in _EMPTY))


def key(text: str) -> str:
    """What texts about the same have in common."""
    return " ".join(stems(text))


_CATEGORY: Final[Mapping[str, str]] = {
    stem(word): name for name, words in reversed(NAMES.items()) for word in words.split()
}


def categories(text: str) -> list[str]:
    """Which of NAMES a text has words of, the one with most of them first."""
    counts = Counter(_CATEGORY[one] for one in map(stem, _WORD.findall(text)) if one in _CATEGORY)
    order = list(NAMES)
    return sorted(counts, key=lambda name: (-counts[name], order.index(name)))
