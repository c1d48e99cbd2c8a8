"""Pairwise covering arrays under rules: every pair of levels that can stand together, does.

A choice is a dict of factor -> level. A rule looks at some factors; a choice, whole or in part,
keeps it unless all of them are there and it does not hold. So the rules that keep an array
possible are the ones by which a whole choice is judged.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations, product

CANDIDATES = 4  # rows drawn for each that is taken
ATTEMPTS = 1000  # times that some are drawn of which none fits


@dataclass(frozen=True)
class Rule:
    """``holds`` takes the levels of ``factors``; ``text`` says what it asks for."""

    factors: tuple
    holds: Callable
    text: str


class Rules:
    """Some rules, found by the factors they are about."""

    def __init__(self, rules):
        self.rules = tuple(rules)
        self.about = {}
        for rule in self.rules:
            for factor in rule.factors:
                self.about.setdefault(factor, []).append(rule)

    def bound_first(self, names):
        """``names``, those first that the largest rules bind: a dead end is seen at once.

        The search goes back one factor at a time. Behind factors that no rule of the dead end is
        about it would try all their levels, again and again.
        """
        most = {name: max((len(rule.factors) for rule in self.about.get(name, ())), default=0)
                for name in names}
        return sorted(names, key=lambda name: -most[name])

    def broken(self, choice, factor=None):
        """Text of a rule (about ``factor``, if given) that the choice breaks, or None."""
        for rule in self.rules if factor is None else self.about.get(factor, ()):
            if all(name in choice for name in rule.factors) and not rule.holds(
                    *(choice[name] for name in rule.factors)):
                return rule.text
        return None

    def completed(self, choice, factors, *, prefer=lambda name, levels, choice: levels,
                  met=None, only_ruled=False):
        """A whole choice that has all of ``choice`` and breaks no rule, or None if there is none.

        All are gone through, one factor after the other, before it says so. ``prefer`` sorts the
        levels of a factor; ``met`` collects the texts of rules that stood in the way;
        ``only_ruled`` leaves out factors that no rule is about.
        """
        broken = self.broken(choice)
        if broken:
            if met is not None:
                met[broken] += 1
            return None
        rest = [name for name in factors if name not in choice
                and (name in self.about or not only_ruled)]
        return self.extended(choice, rest, factors, prefer, met)

    def extended(self, choice, rest, factors, prefer, met):
        """``completed`` behind the first look."""
        if not rest:
            return choice
        name = rest[0]
        for level in prefer(name, factors[name], choice):
            more = {**choice, name: level}
            broken = self.broken(more, name)
            if broken:
                if met is not None:
                    met[broken] += 1
                continue
            found = self.extended(more, rest[1:], factors, prefer, met)
            if found is not None:
                return found
        return None


def pairs_of(choice, names):
    """All pairs ((factor, level), (factor, level)) of a choice, factors in the order ``names``."""
    return combinations([(name, choice[name]) for name in names], 2)


def divided(factors, rules):
    """(possible pairs, {impossible pair: rules that rule it out}), each proven.

    A pair is possible by a whole choice that has it, and impossible when all choices were gone
    through and none was whole.
    """
    possible, impossible, names = set(), {}, list(factors)
    for one, two in combinations(names, 2):
        for pair in product(((one, level) for level in factors[one]),
                            ((two, level) for level in factors[two])):
            if pair in possible:
                continue
            met = Counter()
            whole = rules.completed(dict(pair), near(factors, rules, (one, two)), met=met,
                                    only_ruled=True)
            if whole is None:
                impossible[pair] = [text for text, _ in met.most_common()]
            else:
                kept = [name for name in names if name in whole]
                possible.update(pairs_of(whole, kept))
                possible.add(pair)
    return possible, impossible


def near(factors, rules, names):
    """``factors``, those first that share a rule with ``names``, so that a search ends early."""
    close = {name for rule in rules.rules if set(rule.factors) & set(names)
             for name in rule.factors}
    return {name: factors[name] for name in sorted(factors, key=lambda name: name not in close)}


def covering(factors, rules, *, seed=1, fits=lambda row: True, tick=lambda left: None):
    """(rows, possible pairs, impossible pairs): rows that have every possible pair, greedily few.

    Each row starts from a pair that is still missing and takes, factor after factor in drawn
    order, the level that brings the most missing pairs and leaves the row possible. A row that
    ``fits`` does not hold for is drawn again: what bounds all factors at once is no rule, since
    a search would go through all of them before it knew. Raises ValueError where none is found.
    """
    possible, impossible = divided(factors, rules)
    draw, names, missing, rows = random.Random(seed), list(factors), set(possible), []
    place = {name: n for n, name in enumerate(names)}
    waiting = draw.sample(sorted(missing, key=str), len(missing))
    failures = 0
    while missing:
        best, most = None, -1
        waiting = [pair for pair in waiting if pair in missing]
        for start in waiting[:CANDIDATES]:
            order = rules.bound_first(draw.sample(names, len(names)))

            def prefer(name, levels, choice):
                def gain(level):
                    mine = (name, level)
                    return sum((((other, choice[other]), mine) if place[other] < place[name]
                                else (mine, (other, choice[other]))) in missing
                               for other in choice)
                drawn = draw.sample(list(levels), len(levels))
                return sorted(drawn, key=gain, reverse=True)
            row = rules.completed(dict(start), {name: factors[name] for name in order},
                                  prefer=prefer)
            gained = sum(pair in missing for pair in pairs_of(row, names))
            if gained > most and fits(row):
                best, most = row, gained
        if best is None:
            failures += 1
            if failures == ATTEMPTS:
                raise ValueError(f"no row that fits has {waiting[0]}")
            draw.shuffle(waiting)
            continue
        failures = 0
        rows.append({name: best[name] for name in names})
        missing.difference_update(pairs_of(best, names))
        tick(len(missing))
    return rows, possible, impossible
