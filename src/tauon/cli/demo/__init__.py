"""The demo: a small mix of real jobs, shown live while they run, move and are billed, and checked when they have ended."""
