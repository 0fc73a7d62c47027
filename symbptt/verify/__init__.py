"""Hand derivations: read as their authors wrote them, and judged line by line.

surface    what a formula says before anyone says what it means
"""
