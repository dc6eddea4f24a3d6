"""A stored run for people and for other tools: a page that stands alone, its figures, rows, a trace for Perfetto.

Renders what it is given; reads no file, writes none, and measures nothing.
"""
