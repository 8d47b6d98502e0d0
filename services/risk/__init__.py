"""May this signal become an order, and how large?"""
