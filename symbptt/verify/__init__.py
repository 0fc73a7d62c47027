"""Hand derivations: read as their authors wrote them, and judged line by line.

surface    what a formula says before anyone says what it means
read       documents and formulas to surface trees; `write` is its inverse
"""
