"""The paper venue: what would a venue have done with these orders?"""
