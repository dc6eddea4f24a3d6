"""`ppbench curate`: from conversation logs to validated schemas. README.md says how; `commands.py` is the door."""
