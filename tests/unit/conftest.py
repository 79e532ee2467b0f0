"""Properties are checked without a clock: how long an example takes is the machine's affair."""

from hypothesis import HealthCheck, settings


def pytest_configure() -> None:
    settings.register_profile(
        "without a clock", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("without a clock")
