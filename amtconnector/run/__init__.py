"""One run, from its tokens to its exit code."""
