"""The command line `resma`: the stack on one's own machine, and the API, here and on AWS, as a caller sees it."""
