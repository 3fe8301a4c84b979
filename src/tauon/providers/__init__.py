"""The engines that Tauon drives, one folder each; every one implements the ports and is imported by the wiring alone."""
