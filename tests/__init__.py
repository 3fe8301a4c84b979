"""The tests of Tauon: one folder for each room, builders and contracts shared."""
