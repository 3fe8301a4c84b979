"""The use cases, once each: what a person or a program may ask of Tauon, and who may ask it."""
