"""The steps of a round: each gathers from the other rooms, decides, and applies in one transaction. No Prefect here."""
