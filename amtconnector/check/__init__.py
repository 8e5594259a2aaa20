"""The doctor behind `amt check`: what is examined, and what was found."""

from amtconnector.check.examination import (
    ANNOUNCEMENT,
    REFUSED,
    Examination,
)

__all__ = [
    "ANNOUNCEMENT",
    "REFUSED",
    "Examination",
]
