"""English words for retrieval by words: which say nothing, which say little, and which belong together.

A scorer that knows only the words of a text cannot see that "What do I like to eat?" asks for "I like sushi with tuna".
The groups below close that gap for what people commonly tell an assistant about themselves. They are a list, written
by hand, and no more than that. Retrieval by meaning (`--retrieval embeddings`) does not use them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Final, NamedTuple

__all__ = ["Related", "base_form", "is_silent", "is_weak", "related"]


class Related(NamedTuple):
    """Words that may answer for another: of the things that it names, and names of what it is one of."""

    things: frozenset[str]
    names: frozenset[str]


_SILENT_WORDS: Final = """
    a about above after again against all also am an and any anybody anyone anything are aren as ask at be because been
    before being below between both but by can cannot could couldn d did didn do does doesn doing don done down during
    each either else ever every everything few for from further give had hadn has hasn have haven having he hello hence
    her here hers herself hey hi him himself his i if in into is isn it its itself just know let ll m ma may me might
    more most must my myself need no nor not now o of off ok on once only or other our ours ourselves out over own
    please re really s same say says said shall shan she should shouldn so some somebody someone something such t tell
    thank thanks that the their theirs them themselves then there these they this those through to too under until up
    user users ve very was wasn we were weren what which while whom why will with won would wouldn y yes yet you your
    yours yourself yourselves
"""
_WEAK_WORDS: Final = """
    bad best better big call called customer day enjoy favorite favourite find first fond get go going good great happen
    help how interest kind last like list little long look love make many much name named new next old one part people
    person plan prefer preference put right set show small sort start take thing think time two type use want way well
    when where who whose work year
"""

# Before the bar of each group the words by which one asks for something, after it words that may be the answer.
_GROUPS: Final = """
    like love enjoy prefer favorite favourite preference fond want;
    dislike hate avoid | bore afraid;
    eat food meal dish cuisine dinner lunch breakfast cook recipe restaurant diet hungry snack taste ingredient | sushi
        tuna fish seafood pizza pasta bread rice ramen noodle curry soup salad cheese meat chicken beef pork egg
        vegetable fruit vegetarian vegan spicy chili chocolate dessert cake sugar peanut nut gluten lactose allergic;
    meat | vegetarian vegan chicken beef pork steak;
    milk cheese dairy | lactose;
    drink beverage thirsty | coffee tea water juice wine beer alcohol milk caffeine cocktail;
    alcohol | wine beer whisky cocktail;
    where location place | live based located address street city town country home office;
    live home house address reside residence | apartment flat city town street based located neighbourhood moved;
    apartment flat rent | lease rental room;
    when date deadline appointment schedule | monday tuesday wednesday thursday friday saturday sunday january february
        march april may june july august september october november december today tomorrow morning noon evening night
        week month due;
    much many price cost | euro dollar pound percent money fee paid budget;
    money pay afford earn budget cost price expensive cheap finance | euro dollar pound fee rent loan mortgage salary
        spend refund discount;
    bill billing invoice payment charge | refund paid card tax fee;
    job work profession occupation career employer employed | engineer developer programmer pilot teacher doctor nurse
        lawyer architect designer manager company office student researcher scientist waiter;
    boss | manager supervisor;
    colleague team staff employee | manager coworker employs;
    family relative | wife husband spouse partner fiancee mother father parent mom dad sister brother son daughter twins
        child kid baby grandmother grandfather grandma grandpa aunt uncle cousin married;
    child children kid | son daughter twins baby girl boy;
    partner spouse wife husband | fiancee fiance girlfriend boyfriend married wedding;
    parent | mother father mom dad;
    wedding marriage | marry married fiancee bride;
    girl | daughter;
    boy | son;
    pet animal | dog puppy cat kitten hamster rabbit bird horse parrot;
    dog puppy | corgi poodle terrier;
    cat kitten;
    veterinarian vet | pet;
    health healthy medical illness ill sick disease condition injury injured | allergy allergic asthma diabetes inhaler
        pill pain hurt broken surgery hospital doctor dentist intolerant wheelchair pressure;
    medication medicine | pill inhaler antibiotic insulin;
    allergy allergic | intolerant peanut pollen;
    travel trip journey vacation holiday tour visit | plane flight fly train airport hotel passport visa beach luggage
        abroad ferry boat cruise week;
    fly flight plane airplane | airport pilot seat airline;
    hotel accommodation stay lodging | ryokan hostel inn;
    boat ferry ship cruise | seasick;
    document papers | passport visa license certificate;
    car vehicle drive transport commute | truck bus bike bicycle train pickup cycle motorcycle;
    bike bicycle cycle;
    music song band instrument concert | piano guitar cello violin drum composer jazz rock classical vinyl singer;
    sport exercise fitness | run swim cycle ski climb hike football soccer tennis yoga gym marathon;
    team | football soccer baseball basketball;
    mountain | hike climb ski peak;
    hobby leisure pastime | play collect chess game photograph garden knit climb hike paint;
    read book | novel fiction kindle author literature poem magazine;
    film movie | cinema series;
    language speak | english german french spanish chinese japanese italian portuguese;
    computer software technology device | laptop phone linux windows mac android apple;
    programming program code coding developer | python java rust javascript typescript script editor vim software;
    editor | vim emacs;
    database | postgresql postgres mysql sqlite;
    operating | linux ubuntu windows macos android;
    infrastructure cloud host hosted deploy | aws azure server kubernetes;
    study school education learn university course | student degree exam test lecture thesis class homework teacher
        professor college campus;
    exam test | quiz;
    research | thesis study;
    contact reach | email phone call message;
    name call | called named nickname;
    born birthday age | old;
    shop store market | buy sell;
    ship delivery deliver send package parcel | address;
    problem issue trouble complaint complain wrong error | broken outage bug late slow failed expired;
    weather temperature climate | rain snow heat hot cold sunny;
    subscription membership | premium;
    finish complete end | due deadline;
    begin start;
    buy purchase bought;
    discount rebate | percent;
    website web page internet online;
    login account | password;
    emergency | urgent
"""


def base_form(word: str) -> str:
    """The form of a lower-case word that the lists here know, or the word itself.

    For looking words up in these lists only; what records say is stemmed by the database.
    """
    return next((form for form in _forms(word) if form in _RELATED or form in _WEAK or form in _SILENT), word)


def is_silent(word: str) -> bool:
    """Whether a word in its base form is not looked for at all."""
    return word in _SILENT


def is_weak(word: str) -> bool:
    """Whether a word in its base form says little by itself."""
    return word in _WEAK


def related(word: str) -> Related:
    """The words that may answer for a word in its base form."""
    return _RELATED.get(word, _ALONE)


def _forms(word: str) -> Iterator[str]:
    yield word
    for ending, replacements in (
        ("ies", ("y",)),
        ("es", ("", "e")),
        ("s", ("",)),
        ("ied", ("y",)),
        ("ed", ("", "e")),
        ("ing", ("", "e")),
    ):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            stem = word.removesuffix(ending)
            for replacement in replacements:
                yield stem + replacement
            if ending in ("ed", "ing") and stem[-1] == stem[-2]:
                yield stem[:-1]


def _relate() -> dict[str, Related]:
    things: defaultdict[str, set[str]] = defaultdict(set)
    names: defaultdict[str, set[str]] = defaultdict(set)
    for group in _GROUPS.split(";"):
        asking, _, answering = (part.split() for part in group.partition("|"))
        for word in asking:
            things[word].update(asking, answering)
        for word in answering:
            names[word].update(asking)
    return {
        word: Related(frozenset(things[word] - {word}), frozenset(names[word] - things[word] - {word}))
        for word in {*things, *names}
    }


# Words that are not looked for, and words that say little by themselves.
_SILENT: Final = frozenset(_SILENT_WORDS.split())
_WEAK: Final = frozenset(_WEAK_WORDS.split())
_ALONE: Final = Related(frozenset(), frozenset())
_RELATED: Final = _relate()
