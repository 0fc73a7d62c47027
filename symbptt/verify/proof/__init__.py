"""The proof of a line, for every T and all sizes.

substitute   polynomials with times, slots or factors replaced
chain        one step of the chain rule
values       forward values written out
propagators  closed forms: products of the step Jacobians
closed       total derivatives over many steps as such products
parts        the backward and the forward road, by summation by parts
prover       `Prover`: both sides brought to one form
"""
