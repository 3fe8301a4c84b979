"""Pure foresight: what has happened goes in, quantiles of what is to come go out, and how good they were."""
