"""Letters: written to the outbox, sent, collected, taken apart, matched to a request. Meaning is for `rounds`."""
