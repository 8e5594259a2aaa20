"""What the first token of a command line asks for, a file each."""
