"""The paper's experiments, mended: prompts of n subtasks, lines through their times, shares of planning, one page.

Values in, values and bytes out: the runs are ordinary ones, made and stored by `ppbench run`, and all that is here is
derived from them. Knows no plugin, no provider and no file.
"""
