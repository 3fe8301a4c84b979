"""Pure folds over what was held and what it cost: usage, cost, what was idle."""
