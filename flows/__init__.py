"""What the office watches in Prefect: order and names. No rule of the plan lives here."""
