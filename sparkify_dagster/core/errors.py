"""Errors that several rooms raise or catch, without importing each other for it.

What belongs here: just these. An error of one room stands there.
"""

from __future__ import annotations


class CloudError(Exception):
    """A cloud cannot be used as who we are: credentials, role, profile, region or network."""
