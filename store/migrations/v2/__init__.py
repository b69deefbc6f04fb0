"""What later revisions make in more than one place."""
