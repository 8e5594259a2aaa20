"""The simulator's page for people: queues, tasks, faults and requests, at the address of the server itself."""
