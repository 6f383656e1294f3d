"""Many machines as one: members hand their events on, hubs mail them (interface 11).

The engine between them is NATS with JetStream. Its client is imported by `link` alone, and only
where the section `fleet` is configured.
"""
