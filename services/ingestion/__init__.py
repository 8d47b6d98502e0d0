"""Is this message valid, in sequence and plausible, and can its order book be trusted?"""
