"""The command line, by noun. It speaks to the API over HTTP: a command does what the API allows, nothing else."""
