"""Keeping the house: a copy of everything, its way back, and a look at what is broken. No business of a round here."""
