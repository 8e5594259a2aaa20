"""The administrators' subcommands, one module each, imported only when called."""
