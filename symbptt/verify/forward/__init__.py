"""The author's own forward equations, made into the model that a document is about.

claims    which claims are forward equations
shapes    what the way values are written says of their shapes
drafts    expressions whose sizes are still open
system    `System`: the model with the author's names
builder   the equations and the shapes they imply
define    one equation taken in; σ(·) of a gate
assembly  what is gathered on the way to a model
missing   what the author left out
loss      the loss of one step and its sum over time
document  `from_document`: all of this
given     `from_model`: a given model instead
stacked   a model whose states are one, stacked into one vector
"""
