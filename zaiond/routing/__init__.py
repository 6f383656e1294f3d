"""Which mail goes to whom, and why. Pure; every decision has its reason."""
