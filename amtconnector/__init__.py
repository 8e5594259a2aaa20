"""Run a task in an Asysco AMT batch environment for the OpCon job scheduler."""

__version__ = "1.0.0"
