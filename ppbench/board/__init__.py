"""The leaderboard: entries made from runs, checked against their own records, and shown.

`packing` turns runs into entries and says what is wrong with one, `rows` makes boards of them, `tables` and `page` show
these, `files` alone touches disk.
Nothing here runs a method, asks a model, or believes a number that it can compute.
"""
