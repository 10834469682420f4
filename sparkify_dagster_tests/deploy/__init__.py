"""Tests of what runs the platform where nobody watches: `deploy/`, folder by folder.

What starts processes and takes long is a drill; what reads the files is not.
"""
