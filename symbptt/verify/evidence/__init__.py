"""What a refuted line is shown.

scalars  rationals where the functions allow it, else 30 digits; dual numbers
exact    a small world in such scalars
counter  the smallest counterexample
marks    the part of the line that its repair replaces
inherit  which wrong line a wrong line comes from
gather   `evidence(judge)`: all of it, for every line
names    the author's names for the model's quantities
source   a formula as NumPy source; `equations` the forward pass
script   a NumPy script that shows both sides of one line
"""
