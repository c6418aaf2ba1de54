# SPDX-License-Identifier: Apache-2.0
"""What a person can meet: a sentence, what to do about it, and the exit code of the command."""

from __future__ import annotations


class Failure(Exception):
    """The root of this client's own exceptions; what it says is a sentence for people."""

    remedy = ""
    exit_code = 1

    def __init__(self, sentence: str, remedy: str = "") -> None:
        super().__init__(sentence)
        self.remedy = remedy or self.remedy


class UsageError(Failure):
    """The command was typed in a form that it does not have."""

    exit_code = 2
