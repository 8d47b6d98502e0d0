"""How long from a market's message to its order, and how many messages, over a real Kafka and Redis?"""
