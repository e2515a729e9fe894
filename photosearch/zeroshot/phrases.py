"""A free English sentence → the things that it names, as pieces of it.

In: a sentence, or phrases that the user separated by full stops, commas or semicolons. Out: the
text for a model, and where in it each noun phrase stands. Words alone decide: a phrase ends at
prepositions, conjunctions, pronouns and verbs, and begins at an article or number. What a list
cannot tell (a verb that is not in it) stays in a phrase; full stops are the user's way around it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# A word of any script; what lies between two words of a phrase is a single blank.
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_SENTENCES = re.compile(r"[.?!](?=\s|$)|[;\n。；！？]")
_COMMAS = re.compile(r"[,，、]")

_BEGIN = frozenset(
    "a an the some any each every another no one two three four five six seven eight nine ten "
    "several many few both all my your his her its our their this these those".split()
)
_END = frozenset(
    # prepositions
    "about above across after against along alongside amid among amongst around as at atop before "
    "behind below beneath beside besides between beyond by down during for from in inside into "
    "like near next off on onto opposite out outside over past per through throughout to toward "
    "towards under underneath until up upon via with within without "
    # conjunctions and adverbs
    "and or but nor so yet if when where while because than then there here not too also away "
    "together very just only still again back forward apart alone "
    # pronouns
    "i you he she it we they me him them us who whom whose which that what something someone "
    "somebody nobody everyone himself herself itself themselves "
    # verbs of captions, in the forms that nothing else tells
    "is are was were be been being am has have had having do does did can could will would may "
    "might must shall should let get gets got make makes made take takes took taken "
    "hold holds held sit sits sat stand stands stood lie lies lay lays lain wear wears wore worn "
    "ride rides rode ridden eat eats ate eaten drink drinks drank run runs ran walk walks play "
    "plays look looks watch watches see sees saw seen show shows shown shot hang hangs hung jump "
    "jumps carry carries catch catches caught throw throws threw thrown hit hits swing swings "
    "swung fly flies flew drive drives drove pull pulls push pushes chase chases feed feeds fed "
    "read reads write writes wrote cut cuts cook cooks wait waits sleep sleeps slept rest rests "
    "lean leans climb climbs cross crosses reach reaches touch touches face faces smile smiles "
    "use uses pose poses talk talks work works serve serves kick kicks leap leaps perch perches "
    "cover covers fill fills surround surrounds contain contains graze grazes swim swims swam "
    "kiss kisses hug hugs bite bites lick licks lead leads led find give gives gave put puts "
    "set sets go goes went come comes came".split()
)
_ENDS_NOUNS = re.compile(r"\w{3,}(ing|ed)|\w{4,}ly")
_NOUNS = frozenset(
    "building ceiling painting ring king string wing thing clothing evening morning railing awning "
    "wedding earring icing pudding stuffing parking crossing lighting lightning spring duckling "
    "sibling drawing dressing seating bedding swimming frosting topping filling landing siding "
    "scaffolding stocking dumpling bed red shed sled seed weed reed "
    "family belly jelly lily butterfly dragonfly".split()
)
# Of verbs that take an object at once: "a man eating pizza"; others end a phrase by what follows.
_TRANSITIVE = frozenset(
    "eating holding wearing riding playing drinking carrying watching reading pulling pushing "
    "throwing catching feeding cutting using flying hitting kicking chasing washing swinging "
    "driving making having taking doing showing selling brushing cooking preparing".split()
)
_OF = "of"
_PLACES = frozenset("front top back middle side sides bottom edge".split())  # in front of


@dataclass(frozen=True, slots=True)
class Phrases:
    """What a model is given, and the phrases in it."""

    text: str
    spans: tuple[tuple[int, int], ...]

    @property
    def labels(self) -> list[str]:
        return [self.text[start:end] for start, end in self.spans]


def given_phrases(phrases: list[str]) -> Phrases:
    """Phrases that were given one by one, each to be taken as it is."""
    return _joined([(one, [(0, len(one))]) for one in phrases])


def phrases_of(sentence: str) -> Phrases:
    """The noun phrases of a sentence or of several; none where no word names a thing."""
    parts: list[tuple[str, list[tuple[int, int]]]] = []
    for piece in _SENTENCES.split(sentence):
        one = " ".join(piece.split())
        listed = [" ".join(item.split()) for item in _COMMAS.split(one)]
        listed = [item for item in listed if item]
        if len(listed) > 1 and all(_is_one_phrase(item) for item in listed):
            parts += [(item, [(0, len(item))]) for item in listed]  # a list, not a sentence
        elif _WORD.search(one):
            parts.append((one, list(_chunks(one))))
    return _joined(parts)


def _joined(parts: list[tuple[str, list[tuple[int, int]]]]) -> Phrases:
    """Sentences as the models read them: "a cat. a red bicycle."."""
    text, spans = "", []
    for sentence, found in parts:
        text += " " if text else ""
        spans += [(len(text) + start, len(text) + end) for start, end in found]
        text += f"{sentence}."
    return Phrases(text, tuple(spans))


def _is_one_phrase(text: str) -> bool:
    return list(_chunks(text)) == [(0, len(text))]


def _chunks(sentence: str) -> Iterator[tuple[int, int]]:
    """Where phrases begin and end: words in a row, one blank between two of them."""
    words = list(_WORD.finditer(sentence))
    if len(words) == 1:  # "swimming": whatever it is, it is asked for
        yield words[0].span()
        return
    phrase: list[re.Match[str]] = []
    for number, word in enumerate(words):
        after = words[number + 1] if number + 1 < len(words) else None
        apart = bool(phrase) and sentence[phrase[-1].end() : word.start()] != " "
        kind = word.group().lower()
        if apart or (kind in _BEGIN and _is_named(phrase) and not _is_of(phrase[-1])):
            yield from _span(phrase)
            phrase = []
        if _ends(kind, phrase, after):
            yield from _span(phrase)
            phrase = []
        else:
            phrase.append(word)
    yield from _span(phrase)


def _ends(kind: str, phrase: list[re.Match[str]], after: re.Match[str] | None) -> bool:
    """Whether a word is none of a noun phrase, seen from what stands before and after it."""
    if kind == _OF:
        return not _is_named(phrase) or after is None or after.group().lower() in _END
    follows = after.group().lower() if after is not None else ""
    if kind in _PLACES and not phrase:
        return follows == _OF
    if kind in _END:  # but "a watch", "two drinks", "the face"
        return not phrase or phrase[-1].group().lower() not in _BEGIN
    if kind in _NOUNS or (phrase and not _is_named(phrase)):
        return False
    if phrase and kind in _TRANSITIVE:
        return True
    # "a car parked near a house", but "a red checkered shirt".
    return bool(_ENDS_NOUNS.fullmatch(kind)) and (not follows or follows in _END | _BEGIN)


def _span(phrase: list[re.Match[str]]) -> Iterator[tuple[int, int]]:
    while phrase and _is_of(phrase[-1]):
        phrase = phrase[:-1]
    if _is_named(phrase):
        yield phrase[0].start(), phrase[-1].end()


def _is_of(word: re.Match[str]) -> bool:
    return word.group().lower() == _OF


def _is_named(phrase: list[re.Match[str]]) -> bool:
    """Whether there is more than articles and numbers."""
    return any(word.group().lower() not in _BEGIN and not _is_of(word) for word in phrase)
