"""What a formula says under a reading: a surface tree to a tensor, in either arithmetic.

choice       what a reading settles
quantities   which quantity of the model a symbol is, at which time
times        a formula said of another time
recall       what trees said before
frame        what the rooms below share while one formula is read
entries      the value of a quantity, and its entries at named indices
gradients    what a gradient letter stands for; derivatives laid out as the reading says
derivatives  ∂of/∂by as written
products     how ⊙ and the matrix product bind
dots         a product whose middle is left out
sums         sums of terms, Σ and ∏
functions    functions, powers, quotients
symbols      a letter: a definition, a gradient or a quantity
blocks       stacked vectors, indicators, cases
formula      `Meaning`: all of them, one for each kind of node
"""
