"""The doctor behind `amt check`: what is examined, and what was found."""

from amtconnector.check.examination import Examination

__all__ = ["Examination"]
