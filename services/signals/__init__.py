"""What strategies, the combiner and the ensembles think of an instrument at the close of a bar."""
