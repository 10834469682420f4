"""Where the lake's bytes lie: a folder or S3, behind one interface.

What belongs here: listing, reading and placing objects. What stands in them is `lake.reader`'s.
"""
