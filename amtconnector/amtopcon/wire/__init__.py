"""AMTOpCon's wire contract: a profile as data, and the pure functions that build requests and read answers."""
