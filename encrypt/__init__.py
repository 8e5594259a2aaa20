"""The operator's Encrypt program."""
