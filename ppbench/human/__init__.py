"""People as judges: which comparisons they are shown, a page on this machine, and how far they agree.

Who is asked what is an ordinary judge with `criteria`, which a plugin brings; nothing here prints.
"""
