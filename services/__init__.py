"""The services of Marea, one folder each; they talk by messages, never by import."""
