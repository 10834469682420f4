"""From an object's bytes to records: cutting, the rules of one record, the fast paths.

What belongs here: what is accepted, what is rejected and why. Where bytes come from is
`lake.store`'s.
"""
