"""One business flow a file, deterministic, no I/O."""
