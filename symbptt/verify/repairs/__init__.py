"""The edit that would make a refuted line true.

vocabulary  the author's own way to write each quantity
everywhere  a local change at every place of a tree
slopes, structure, times, symbols, whole
            the edits by what they change; each undoes one mistake people make
edits       all of them, in the order of how often the mistake is made
distinct    the readings of a line that differ in what they make of its sides
search      `Repairs`: one edit, or two, after which the line holds
symptoms    what a wrong line shows by itself, where no edit helps
"""
