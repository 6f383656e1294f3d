from hypothesis import HealthCheck, settings

# How long an example takes says more of the machine than of zaiond.
settings.register_profile("zaiond", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("zaiond")
