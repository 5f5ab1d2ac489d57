"""One module for each group of commands: options in, a result on standard output."""
