"""The ways to tell somebody that a threshold is passed: a webhook, e-mail, Prometheus' Alertmanager."""
