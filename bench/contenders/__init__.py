"""The contenders: each a program of its own, started anew for every measurement.

What belongs here: one way to do the work a module, and the little that several of them share
(`clock`, `lake`, `sql`, `songs`). What is run when, compared and printed is decided outside.
"""
