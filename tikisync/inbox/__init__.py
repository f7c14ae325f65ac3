"""Our tables: deliveries, kept durably from the answer to the sender until they are applied, and after."""
