"""Event sourcing on PostgreSQL and NATS JetStream. Knows no programme."""
