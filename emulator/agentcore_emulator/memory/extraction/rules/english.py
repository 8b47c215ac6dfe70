"""The words that the rules know: nothing but data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["ADVERBS", "CATEGORIES", "EMPTY", "NO_NAMES", "PAST", "PRESENT_IN_ED", "VERBS"]


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


EMPTY: Final = _set("""
    a an the this that these those my your his her its our their i me we us you he she it they them mine ours
    theirs am is are was were be been being do does did don't doesn't didn't have has had having will would can
    could should shall may might must not no never and or but so if then than as of at by for with about to from
    in on up out off over under again very really just also too now still already yet only even actually
    currently recently usually always often sometimes mostly generally typically rarely definitely absolutely
    totally especially anymore any more longer much lot lots kind sort bit quite rather pretty please there here
    when while because since until into onto before after during user who which what where how why some such
    ever personally simply ones one used dislike like love enjoy hate prefer prefers likes loves enjoys hates
    dislikes adore detest avoid stand cannot can't isn't aren't won't wasn't weren't haven't hasn't i'm i've i'd
    i'll instead switched stopped started
""")
"""Words that say nothing of what a sentence is about; among them those that turn it into its opposite or into something
that was: "I no longer own a car" is about the same as "I own a car"."""

VERBS: Final = _set("""
    accept add advise answer ask attend avoid bake be become begin believe book bring build buy call cancel care
    carry catch change check choose clean climb coach code collect come compare complete connect contact convert
    cook create cut cycle dance debug delete deliver deploy describe design dislike do download draw drink drive
    eat enjoy explain explore export feed feel fetch file fill find finish fix fly follow forget format forward
    garden generate get give go grow handle hate have head help hike hire hold host import improve include
    inform install invest join keep know lead learn leave let like list listen live look love maintain make
    manage meet move need offer open order organize own paint pay perform pick plan play post practice prefer
    prepare present print produce provide publish put read recommend record reduce refactor refund remember
    remind remove rent repeat replace reply report require reschedule research reserve reset respond restart
    return review rewrite ride run save say schedule search see sell send set share show sing skate ski sleep
    solve speak spend start stay stop study suggest summarize support surf swim switch take talk teach tell test
    track train translate travel try turn update upgrade use visit volunteer wait walk want watch wear work
    write
""")
"""Base forms, by which imperatives are known and verbs that share a subject."""

ADVERBS: Final = _set("""
    really also still usually always never often sometimes mostly generally typically rarely only just now
    currently recently already absolutely totally definitely particularly especially strongly actually truly
    simply probably occasionally frequently normally almost both even mainly primarily once then personally
    seldom hardly barely originally finally eventually genuinely honestly kinda much quite regularly no longer
""")
"""What can stand between a subject and its verb."""

PAST: Final = _set("""
    can could will would should must may might shall can't cannot couldn't won't wouldn't shouldn't mustn't was
    wasn't had hadn't did didn't used ought went bought got made took saw met lost found left grew began ran
    wrote spent won sold told said thought gave came kept felt built broke chose drove fell flew forgot held
    heard knew led paid sent slept spoke taught understood wore ate drank sang sat stood swam rode threw caught
    fought sought became woke hid bit blew drew shot stole swore bred quit meant dealt lent bent bound dug hung
    shook slid stuck struck swept tore forgave froze rose rang sank spun stung undertook withdrew hated
""")
"""Verbs that are the same in every person: modal ones and irregular pasts."""

PRESENT_IN_ED: Final = _set("""
    need feed speed breed bleed succeed proceed exceed shed wed embed
""")
"""Base forms that look like the past."""

NO_NAMES: Final = _set("""
    i it this that these those there here he she they you we what which who how why when where everything
    everyone everybody something someone somebody nothing nobody anything anyone all some many most one none
    both another other the a an my your our if so and but or please thanks yes no ok okay let great good nice
    sure sounds
""")
"""What begins a sentence and is no name, although it has a capital there."""

CATEGORIES: Final[Mapping[str, frozenset[str]]] = {
    "food": _set("""
        food eat meal lunch dinner breakfast brunch restaurant sushi tuna salmon pizza pasta burger cook cooking
        cuisine dish recipe vegetarian vegan pescatarian meat fish seafood shrimp chicken beef pork lamb salad soup
        cheese bread rice noodle ramen curry spicy taco dessert cake cookie chocolate fruit apple banana vegetable
        tofu bagel snack steak egg gluten lactose nut peanut shellfish cilantro mushroom kosher halal bake baking
        barbecue sandwich
    """),
    "drink": _set("""
        drink coffee tea beer wine whisky whiskey cocktail juice soda espresso latte cappuccino decaf milk water
    """),
    "travel": _set("""
        travel trip flight fly airline airport plane hotel hostel vacation holiday seat aisle train passport visa
        tour cruise destination beach ryokan airbnb itinerary luggage suitcase abroad sightseeing backpacking
        journey road
    """),
    "programming": _set("""
        python java javascript typescript rust golang c++ c# ruby kotlin swift haskell code coding programming
        program programmer developer software vim neovim emacs vscode editor ide git docker kubernetes database
        postgres postgresql mysql sqlite sql api framework react django flask linux bash debug algorithm distributed
        backend frontend compiler tab indentation repository terraform lambda microservice script function library
    """),
    "technology": _set("""
        computer laptop pc phone iphone android macos mac app gadget dark light mode theme keyboard monitor browser
        thinkpad tablet printer wifi router headphone smartwatch ai robot
    """),
    "music": _set("""
        music song band concert guitar piano cello violin drum flute saxophone jazz rock classical album sing
        singing singer playlist vinyl opera hip-hop choir orchestra
    """),
    "entertainment": _set("""
        movie film tv series show game gaming videogame anime netflix theater theatre podcast comedy horror thriller
        documentary sci-fi cinema chess puzzle
    """),
    "reading": _set("""
        read reading novel author library fiction poetry poem magazine mystery biography
    """),
    "sports": _set("""
        sport football soccer basketball baseball tennis golf hockey running swim swimming gym yoga pilates cycling
        bike biking hike hiking climb climbing ski skiing snowboard surf surfing marathon workout fitness jog
        jogging
    """),
    "pets": _set("""
        dog cat pet puppy kitten corgi labrador poodle bird parrot hamster rabbit horse goldfish
    """),
    "family": _set("""
        wife husband son daughter kid child children parent mother father mom dad brother sister family married
        partner girlfriend boyfriend fiance wedding grandmother grandfather grandson twin baby
    """),
    "health": _set("""
        allergic allergy doctor medicine medication diabetes diabetic asthma sleep diet health pain injury
        intolerant celiac coeliac therapy dentist vaccine blood migraine pregnant
    """),
    "work": _set("""
        work job office meeting company startup employer employed colleague manager career remote project client
        deadline team salary pilot engineer engineering teacher nurse lawyer accountant designer architect scientist
        researcher consultant boss intern freelance freelancer business
    """),
    "home": _set("""
        house apartment garden gardening home kitchen furniture rent condo neighborhood city live
    """),
    "style": _set("""
        color colour blue red green purple yellow orange black clothes shoe fashion wear dress jacket shirt cotton
    """),
    "shopping": _set("""
        buy price brand order purchase shop shopping discount delivery refund return store warranty shipping
    """),
    "communication": _set("""
        email call text sms message answer response reply tone formal informal casual short concise brief detailed
        bullet explanation metric imperial celsius fahrenheit unit notification
    """),
    "learning": _set("""
        learn learning study studying course school university college language student exam degree spanish french
        german japanese english math history
    """),
    "finance": _set("""
        money bank invest investing investment stock saving mortgage loan tax crypto budget retirement insurance
    """),
}
"""The words of each category, the more telling categories first."""
