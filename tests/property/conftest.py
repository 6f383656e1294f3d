import os

from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("ZAIOND_EXAMPLES", "15"))  # others each time; `make fuzz` takes more

# How long an example takes says more of the machine than of zaiond.
settings.register_profile(
    "zaiond", max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("zaiond")
