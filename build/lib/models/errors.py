"""The one base of every error that a user can mend."""

from __future__ import annotations


class UserError(Exception):
    """Something that was asked for or given cannot be used.

    The message is one line for the person at the keyboard: where, what was found, what is allowed, what to do.
    Commands print it without a traceback and end with status 2; any other exception is a bug and keeps its traceback.
    """
