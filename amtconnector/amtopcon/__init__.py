"""The conversation with AMT over the AMTOpCon interface."""
