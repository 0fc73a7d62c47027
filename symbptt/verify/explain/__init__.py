"""Why a line holds, step by step, or where a wrong one leaves the right road.

paths   what one equation contributes to a derivative, as a matrix expression, checked by index
speech  quantities, derivatives and terms as text, under the author's names
reach   which equations read a quantity, and what it reaches
walk    the chain rule from the left side to what the right side is written in
words   `explain(judge, line)`
labels  which equation of a derivation a line is
"""
