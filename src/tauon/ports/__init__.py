"""Effects as protocols: everything the decisions and use cases need of the outside world, named once.

Every method of a provider returns at once, is idempotent by id, and raises only the `ProviderError`s of `model.errors`.
"""
