"""Broken, foreign and hostile bytes for every reader, and a judge of its own: see docs/chaos.md."""
