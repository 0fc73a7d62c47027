"""Hand derivations: read as their authors wrote them, and judged line by line.

surface    what a formula says before anyone says what it means
read       documents and formulas to surface trees; `write` is its inverse
forward    the author's forward equations, made into a model (`system`)
meaning    a formula under a reading, as a tensor in numbers or in letters
truth      whether a line holds in a small world; `proof` decides it for every T and all sizes
repairs    the edit that would make a wrong line true
report     verify(text) and its verdicts; `present` shows them
"""

from .report import Report, verify

__all__ = ["Report", "verify"]
