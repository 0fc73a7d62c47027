from .style import in_layout
def in_the_notation_of(model, notation, layout):
    return in_layout(layout)
