"""What `make bench` says of a signature."""

from __future__ import annotations

from host_tools.bench.verification import estimate, measure, text_of


def test_estimate_follows_the_count_of_steps_and_the_clock():
    # 23.9 M instructions at one a cycle, and 28.9 M at one in one and a half (platform facts of ESP32 and mpz.c).
    assert estimate() == {240: (0.1, 0.19), 160: (0.15, 0.28)}


def test_measure_verifies_a_real_signature_on_micropython():
    found = measure()
    assert 0 < found.power_us <= found.check_us
    assert found.sha256_of_1_mib_us > 0
    assert "240 MHz" in text_of(found)
