"""The leaderboard: entries made from runs, checked against their own records, and shown.

The door: `pack` and `check` turn records into entries and back, `tables` and `site` show them, `files` alone touches disk.
Nothing here runs a method, asks a model, or believes a number that it can compute.
"""
