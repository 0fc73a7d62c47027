"""Arrays with a left and a right side, and the two arithmetics they are computed in.

tensor   the arrays, and the products whose shapes decide what is contracted
numbers  on the floats of a small world; they refute
letters  on polynomials in index notation; they prove
"""
