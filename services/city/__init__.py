"""A city over its counties: invoices that count once, and the pooled fund."""
