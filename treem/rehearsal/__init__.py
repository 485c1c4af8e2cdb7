"""The rehearsal: an embedded mail server, simulated bodies that only see mail, and a clock that is passed in."""
