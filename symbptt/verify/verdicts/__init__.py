"""From truth to verdicts.

spectral    worked counterexamples to claims about eigenvalues
fates       when Jacobians vanish or explode, numbers in bounds
growth      claims about eigenvalues and norms
laws        laws of elementary functions of one number
shapes      claims about shape
means       what a text states of its random letters
chance      claims about means and probabilities, and about where a sum is cut
programs    lines of a program that are no equations
nearest     second thoughts on what a letter means
conditions  what a line is right under
single      one line's verdict
agreement   what the lines say about each other
decide      `decide(judge)`: every line's verdict
"""
