"""What is said of a configuration: of its files (`files`) and of its settings (`settings`)."""
