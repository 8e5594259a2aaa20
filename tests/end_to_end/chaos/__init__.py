"""Hundreds of runs of the real program in random trouble, and what must hold of each: see docs/chaos.md."""
