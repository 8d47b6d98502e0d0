"""The bus over Kafka: each log has a partition to itself."""
