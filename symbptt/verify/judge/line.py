"""One line of a document, and the verdicts there are."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from .. import surface as s
from .readings import Condition, Reading
from .statement import Statement
from .truth import Answer

PROVED, CONDITIONAL, REFUTED, FOLLOWS = "proved", "conditional", "refuted", "follows"
DEFINITION, INCOMPLETE, APPROXIMATION = "definition", "incomplete", "approximation"
UNREAD, TESTED = "unread", "tested"


@dataclass
class Line:
    """One claim and what became of it."""

    claim: s.Claim
    verdict: str = UNREAD
    conditions: list[Condition] = field(default_factory=list)
    reading: Reading | None = None
    true: list[Reading] = field(default_factory=list)
    answer: Answer | None = None
    codes: list[str] = field(default_factory=list)
    message: str = ""
    correct: str = ""
    follows: str = ""
    how: str = ""
    label: str = ""
    proof: tuple[str, ...] = ()
    repair: Any = None  # of `repairs`, where one was found
    marks: tuple[tuple[int, int], ...] = ()  # what the repair replaces, as offsets in the text
    change: str = ""  # what to write where the mark is, if it is one place
    shapes: str = ""  # why they do not fit
    counterexample: Any = None  # of `evidence`
    worked: tuple[str, ...] = ()  # a counterexample in words and numbers, to a claim about growth

    def withdraw(self, verdict: str, message: str = "") -> None:
        """Another verdict, and nothing of what was found for the one before: neither what it holds
        under, nor its mistake, the equation to write instead, or numbers at which it fails."""
        kept = Line(self.claim, verdict, how=self.how, label=self.label)
        vars(self).update(vars(replace(kept, message=message)))

    @property
    def statement(self) -> Statement:
        assert self.claim.right is not None
        return Statement(self.claim.left, self.claim.right, self.claim.relation)
