"""A document in one system, and whether its lines hold in a small world.

statement         two sides, and when they are said to be equal
free_times        the times a statement is about
truth             whether a statement holds at every step it speaks about
gathered          what of a formula its readings depend on
open              what the words leave open: the plain readings of a line
readings          those readings, and the further ones with what they assume
line              one claim, its verdict, and the verdicts there are
assumptions       the readings a person may fix
judge             `Judge`: the lines, the letters, truth under the plain readings
gradient_letters  what δ_t, dh_t may stand for
settle            the meanings that make most lines true
"""
