"""Binance, spot and USD-M futures: what its streams say, read into messages."""
