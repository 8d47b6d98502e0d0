"""The simulated venue: a seeded market that speaks as Binance spot does."""
