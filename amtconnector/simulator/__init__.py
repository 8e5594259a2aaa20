"""AMTOpCon with a batch scheduler behind it, for demonstrations, tests and trying out schedules."""
