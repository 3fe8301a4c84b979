"""Job tuning: which accelerators, how many, divided how and in which precision, by a roofline corrected by measurements."""
