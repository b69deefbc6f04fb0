"""One file per revision: reviewed by hand, never changed once released."""
