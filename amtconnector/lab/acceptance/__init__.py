"""`amt-lab acceptance`: the released program tried on the machine where it will run, and a report of it.

`check` is what a check is; each other module of checks has one concern; `plan` lists them all in their order; `runner`
performs them; `report` writes what was found. `stage` holds everything that is made for them and removed afterwards.
"""
