"""Who may do what on the broker, and with what they sign in: accounts, keys, certificates, outsiders' streams."""
