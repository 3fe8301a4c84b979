"""The store: one contract for all of them, and what each does when its disk, file or server fails."""
